// Every limit of the product, named once. tests/limits walks this table at N and at
// N + 1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace satchel::limits {

// Each line: SATCHEL_LIMIT(name, value, what it bounds and in which unit).
#define SATCHEL_LIMITS(SATCHEL_LIMIT)                                                            \
  SATCHEL_LIMIT(kValueBytesMax, 1024 * 1024, "bytes of one encoded field value")                 \
  SATCHEL_LIMIT(kValueDepthMax, 8, "levels of structs and lists inside one value")               \
  SATCHEL_LIMIT(kKeyBytesMax, 512, "bytes of the key of one map or set entry")                   \
  SATCHEL_LIMIT(kCollectionsMax, 512, "collections of one schema")                               \
  SATCHEL_LIMIT(kFieldsMax, 256, "fields of one collection")                                     \
  SATCHEL_LIMIT(kSchemaBytesMax, 4 * 1024 * 1024, "bytes of one compiled schema")                \
  SATCHEL_LIMIT(kSchemaNameBytesMax, 96, "bytes of the name of a collection, field or stage")    \
  SATCHEL_LIMIT(kSchemaFilesMax, 64, "files of one schema")                                      \
  SATCHEL_LIMIT(kSchemaNestingMax, 64, "brackets in brackets, or dots in a name, of its text")   \
  SATCHEL_LIMIT(kStagesMax, 64, "stages of one stage table")                                     \
  SATCHEL_LIMIT(kScopePathsMax, 8, "scope paths of one collection")                              \
  SATCHEL_LIMIT(kSubjectsMax, 4, "data subjects of one record")                                  \
  SATCHEL_LIMIT(kAgendaFieldsMax, 8, "references that an agenda brings along")                   \
  SATCHEL_LIMIT(kEntriesMax, 10'000, "register entries of one record, all classes together")     \
  SATCHEL_LIMIT(kSiblingsMax, 64, "siblings of one register")                                    \
  SATCHEL_LIMIT(kContextEntriesMax, 256, "replicas named by one context")                        \
  SATCHEL_LIMIT(kStoreKeyBytesMax, 511, "bytes of the key of one row of a store's small tables") \
  SATCHEL_LIMIT(kRecordBytesMax, 16 * 1024 * 1024,                                               \
                "bytes of one record's stored segments together")                                \
  SATCHEL_LIMIT(kCommitRecordsMax, 10'000, "records written by one commit")                      \
  SATCHEL_LIMIT(kCommitBytesMax, 8 * 1024 * 1024, "bytes of one commit's body")                  \
  SATCHEL_LIMIT(kCommitSectionsMax, 64, "sections of one commit")                                \
  SATCHEL_LIMIT(kCommitWritesMax, 250'000, "register writes of one commit")                      \
  SATCHEL_LIMIT(kCommitContextEntriesMax, 1'000'000,                                             \
                "context entries of one commit, repeats counted")                                \
  SATCHEL_LIMIT(kCommitExtrasMax, 16, "unknown header fields kept with one commit")              \
  SATCHEL_LIMIT(kCommitExtraBytesMax, 4096, "bytes of one unknown header field")                 \
  SATCHEL_LIMIT(kFrameBytesMax, 16 * 1024 * 1024, "bytes of one frame after decompression")      \
  SATCHEL_LIMIT(kFrameCompressedBytesMax, 9 * 1024 * 1024, "bytes of one frame as it travels")   \
  SATCHEL_LIMIT(kFrameTextBytesMax, 1024, "bytes of one name or context in a frame")             \
  SATCHEL_LIMIT(kFrameNestingMax, 16, "levels of pointers in one frame")                         \
  SATCHEL_LIMIT(kPushCommitsMax, 1024, "commits of one push frame")                              \
  SATCHEL_LIMIT(kScopesMax, 1'024, "scopes of one session")                                      \
  SATCHEL_LIMIT(kTerritoriesMax, 256, "territories of one user")                                 \
  SATCHEL_LIMIT(kPurposesMax, 32, "purposes named by one hello")                                 \
  SATCHEL_LIMIT(kHttpHeaderBytesMax, 16 * 1024, "bytes of an HTTP request's header")             \
  SATCHEL_LIMIT(kHttpBodyBytesMax, 8 * 1024 * 1024, "bytes of an HTTP request's body")           \
  SATCHEL_LIMIT(kConnectionsMax, 4096, "open connections of one server")                         \
  SATCHEL_LIMIT(kWriterQueueMax, 1024, "units of work waiting for the server's writer")          \
  SATCHEL_LIMIT(kOutboxCommitsMax, 100'000, "commits waiting in one device's outbox")            \
  SATCHEL_LIMIT(kFormerIdsMax, 64, "replica ids that one device has given up and still settles") \
  SATCHEL_LIMIT(kQueryBytesMax, 64 * 1024, "bytes of one query expression")                      \
  SATCHEL_LIMIT(kQueryDepthMax, 32, "levels of one query expression")                            \
  SATCHEL_LIMIT(kHistoryDaysMax, 36'500, "days of history that a device keeps")                  \
  SATCHEL_LIMIT(kKnownStatesMax, 1'000, "states of other replicas told of in one frame")         \
  SATCHEL_LIMIT(kImportLineBytesMax, 1024 * 1024, "bytes of one line of an imported file")       \
  SATCHEL_LIMIT(kImportRowBytesMax, 4 * 1024 * 1024, "bytes of what one imported row writes")    \
  SATCHEL_LIMIT(kImportBatchRowsMax, 10'000, "rows of one batch of an import")

#define SATCHEL_LIMIT_CONSTANT(name, value, what) inline constexpr std::size_t name = value;
SATCHEL_LIMITS(SATCHEL_LIMIT_CONSTANT)
#undef SATCHEL_LIMIT_CONSTANT

// A commit that may be made must also fit a message, whatever its bytes: else it would stay in its
// device's outbox for good, and all that comes after it.
static_assert(kFrameCompressedBytesMax >= kCommitBytesMax + 512 * 1024);

}  // namespace satchel::limits
