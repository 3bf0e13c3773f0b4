satchel_library(commit
  SOURCES commit/apply.cpp commit/body.cpp commit/body_read.cpp
  DEPENDS satchel::wire satchel::merge satchel::catalog satchel::crypto)
