satchel_library(hub
  SOURCES hub/hub.cpp hub/directory.cpp hub/rows.cpp hub/scopes.cpp hub/ingest.cpp
    hub/ingestion.cpp hub/changes.cpp hub/selection.cpp hub/bootstrap.cpp hub/agenda.cpp
    hub/compaction.cpp hub/ledger.cpp hub/log.cpp hub/missing.cpp
    hub/damage.cpp hub/origins.cpp hub/ingestion_store.cpp
  DEPENDS satchel::commit satchel::page satchel::policy satchel::crypto)
