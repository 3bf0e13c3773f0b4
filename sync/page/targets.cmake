satchel_library(page
  SOURCES page/authors.cpp page/page.cpp
  DEPENDS satchel::record)
