satchel_library(store
  SOURCES store/memory/memory_disk.cpp store/memory/memory_store.cpp
  DEPENDS satchel::clock satchel::model Boost::headers Boost::container)
