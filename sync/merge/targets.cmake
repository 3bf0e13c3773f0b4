satchel_library(merge
  SOURCES merge/register.cpp merge/record.cpp merge/compare.cpp merge/total.cpp merge/reading.cpp
    merge/reference.cpp
    merge/register_reading.cpp merge/life.cpp merge/local_write.cpp merge/dot_text.cpp
    merge/shown_json.cpp merge/sentence.cpp merge/explain.cpp
  DEPENDS satchel::clock satchel::catalog)
