satchel_library(page
  SOURCES page/page.cpp
  DEPENDS satchel::record)
