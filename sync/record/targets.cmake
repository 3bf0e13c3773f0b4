satchel_library(record
  SOURCES record/segment.cpp record/segment_scan.cpp record/segment_write.cpp
    record/segment_join.cpp record/header.cpp record/canonical.cpp
  DEPENDS satchel::merge)
