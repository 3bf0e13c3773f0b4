satchel_library(store
  SOURCES store/memory/memory_disk.cpp store/memory/memory_store.cpp
  DEPENDS satchel::clock satchel::model Boost::headers Boost::container)
satchel_library(store_lmdb
  SOURCES
    store/lmdb/data_file.cpp store/lmdb/environment.cpp store/lmdb/folder.cpp
    store/lmdb/key_store.cpp store/lmdb/lmdb_check.cpp store/lmdb/lmdb_copy.cpp
    store/lmdb/lmdb_core.cpp
    store/lmdb/lmdb_mend.cpp
    store/lmdb/lmdb_open.cpp store/lmdb/lmdb_read.cpp store/lmdb/lmdb_reading.cpp
    store/lmdb/lmdb_store.cpp store/lmdb/lmdb_write.cpp store/lmdb/room.cpp
    store/lmdb/row_format.cpp
    store/lmdb/sealer.cpp
  DEPENDS satchel::clock satchel::crypto satchel::model Boost::headers Boost::container
  PRIVATE_DEPENDS PkgConfig::LMDB)
