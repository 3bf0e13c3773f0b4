satchel_library(clock
  SOURCES clock/context.cpp clock/hybrid_clock.cpp clock/replica_numbers.cpp
  DEPENDS satchel::model Boost::headers Boost::container)
foreach(part merge record store commit page policy hub edge session)
  include(${CMAKE_CURRENT_SOURCE_DIR}/${part}/targets.cmake OPTIONAL)
endforeach()
