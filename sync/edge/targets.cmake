satchel_library(edge
  SOURCES edge/edge.cpp edge/rows.cpp edge/write.cpp edge/apply.cpp edge/inbox.cpp
    edge/identity.cpp edge/push.cpp edge/damage.cpp edge/stale.cpp edge/answers.cpp edge/read.cpp
    edge/heal.cpp edge/missing.cpp edge/narrow.cpp
  DEPENDS satchel::commit satchel::page satchel::policy satchel::crypto)
