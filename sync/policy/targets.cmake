satchel_library(policy
  SOURCES policy/decide.cpp policy/purposes.cpp
  DEPENDS satchel::model
  PRIVATE_DEPENDS satchel::crypto)
