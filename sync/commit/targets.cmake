satchel_library(commit
  SOURCES commit/apply.cpp commit/body.cpp commit/body_read.cpp commit/builder.cpp
    commit/builder_stages.cpp commit/check.cpp commit/gate.cpp
  DEPENDS satchel::wire satchel::merge satchel::catalog satchel::crypto)
