satchel_library(session
  SOURCES session/hub_greeting.cpp session/hub_session.cpp session/hub_pages.cpp
    session/edge_session.cpp session/reach.cpp
  DEPENDS satchel::hub satchel::edge)
