satchel_library(hub
  SOURCES hub/hub.cpp hub/directory.cpp hub/grants.cpp hub/ledger.cpp hub/rows.cpp hub/scopes.cpp
    hub/scope_check.cpp hub/scope_index.cpp hub/scope_paths.cpp hub/scoping.cpp hub/ingest.cpp
    hub/ingestion.cpp hub/ingestion_cycles.cpp hub/ingestion_store.cpp hub/changes.cpp
    hub/selection.cpp hub/bootstrap.cpp hub/agenda.cpp hub/log.cpp hub/damage.cpp hub/origins.cpp
    hub/compaction.cpp hub/missing.cpp
  DEPENDS satchel::commit satchel::page satchel::policy satchel::crypto)
