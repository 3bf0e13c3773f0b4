satchel_library(page
  SOURCES page/authors.cpp page/known_state.cpp page/page.cpp
  DEPENDS satchel::record)
