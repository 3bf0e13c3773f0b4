/* Satchel: the C interface of the SDK. C99; callable from C++.
 *
 * An encrypted replica of the part of a CRM that one user may see. Reads and writes need no
 * network; what may be read and written is decided here by the same rules as on the server.
 *
 * Conventions, numbered once:
 *
 *  1. A function that can fail returns a satchel_status: SATCHEL_OK or one of SATCHEL_E_*. Where
 *     the last parameter is `satchel_error** error` it may be NULL; otherwise, on failure only, it
 *     receives an error that the caller frees with satchel_error_free. On failure out parameters
 *     are set to NULL or zero.
 *  2. Text is UTF-8 in slices: a pointer and a size, no terminator needed. Slices given to a
 *     function are copied. Slices handed out live as long as the handle that they came from.
 *     {NULL, 0} is the empty text.
 *  3. Times are microseconds UTC since 1970, money is minor units and an ISO 4217 currency.
 *     Values of fields travel as JSON; integers have all 64 bits as plain digits.
 *  4. Structs begin with `uint32_t struct_size`, set by their _INIT macro; a smaller one, of an
 *     older header, is understood.
 *  5. Threads. A satchel_replica and a satchel_read may be used from any thread at any time. A
 *     satchel_write is bound to the thread that began it. Lists, records, texts and events are
 *     immutable. Nothing else may be used from two threads at once.
 *  6. Callbacks return nothing. They run one at a time per replica, never inside a transaction and
 *     never while the SDK holds a lock, on the SDK's own thread or where `post` takes them. They
 *     may call anything but the functions that say "not from a callback".
 *  7. Purposes are names of the W3C Data Privacy Vocabulary, such as
 *     SATCHEL_PURPOSE_DEFAULT. Every read and every write has one; there is no other way in.
 *  8. Errors, logs and status never hold personal data or keys.
 *  9. Every function may also fail with SATCHEL_E_INVALID_ARGUMENT (a NULL where an object must
 *     be), SATCHEL_E_STORE_LATCHED (an I/O error was met: close and open again) and
 *     SATCHEL_E_INTERNAL. Errors that are not named below are possible: treat them by
 *     satchel_error_retryable.
 */
#ifndef SATCHEL_SATCHEL_H
#define SATCHEL_SATCHEL_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/status.h>

#if defined(_WIN32)
#define SATCHEL_API __declspec(dllexport)
#else
#define SATCHEL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Slices and errors ----------------------------------------------------------------------- */

typedef struct satchel_slice {
  const char* data;
  size_t size;
} satchel_slice;

/* Makes a slice of a C string. NULL is the empty text. */
SATCHEL_API satchel_slice satchel_str(const char* text);

/* A record's id as text, "018f3c5e-7b1a-7c3d-9e4f-0123456789ab", with a terminator. */
typedef struct satchel_id {
  char text[40];
} satchel_id;

typedef struct satchel_error satchel_error;
typedef struct satchel_replica satchel_replica;
typedef struct satchel_read satchel_read;
typedef struct satchel_write satchel_write;
typedef struct satchel_record satchel_record;
typedef struct satchel_list satchel_list;
typedef struct satchel_text satchel_text;
typedef struct satchel_event satchel_event;
typedef struct satchel_subscription satchel_subscription;
typedef struct satchel_request satchel_request;
typedef struct satchel_task satchel_task;

/* The purpose of everyday work with customers. */
#define SATCHEL_PURPOSE_DEFAULT "CustomerRelationshipManagement"

/* "0.1.0". Static. */
SATCHEL_API const char* satchel_version(void);
/* "policy_denied" for SATCHEL_E_POLICY_DENIED; "ok"; "internal" for a number that is none.
 * Static. */
SATCHEL_API const char* satchel_status_name(satchel_status status);
/* One sentence for a person. Static. */
SATCHEL_API const char* satchel_status_sentence(satchel_status status);
/* What a command line ends with for this status: 0, or 1 to 8, or 75. */
SATCHEL_API int32_t satchel_status_exit(satchel_status status);

/* Any thread; NULL gives SATCHEL_OK, empty slices and 0. */
SATCHEL_API satchel_status satchel_error_code(const satchel_error* error);
/* The sentence and, in brackets, what and where. */
SATCHEL_API satchel_slice satchel_error_message(const satchel_error* error);
/* What and where alone: collection, field, column, file. */
SATCHEL_API satchel_slice satchel_error_context(const satchel_error* error);
/* 1 where the same call may succeed later without a change: unreachable, busy, full, cut. */
SATCHEL_API int32_t satchel_error_retryable(const satchel_error* error);
SATCHEL_API void satchel_error_free(satchel_error* error); /* NULL is fine. */

/* Overwrites memory in a way that is not optimised away. */
SATCHEL_API void satchel_secure_zero(void* at, size_t size);
/* How many handles of this library are alive in the process; 0 when nothing leaked. */
SATCHEL_API int64_t satchel_debug_live_handles(void);

/* ---- What was asked for: texts, lists, records ----------------------------------------------- */

/* The text itself; empty for NULL. Lives as long as its handle. */
SATCHEL_API satchel_slice satchel_text_slice(const satchel_text* text);
SATCHEL_API void satchel_text_free(satchel_text* text); /* NULL is fine. */

/* Lists of JSON documents, one per row. */
SATCHEL_API size_t satchel_list_count(const satchel_list* list);
/* Empty beyond the end. */
SATCHEL_API satchel_slice satchel_list_at(const satchel_list* list, size_t index);
/* How a query was answered: {"index","kind","scanned","matched"}; empty for other lists. */
SATCHEL_API satchel_slice satchel_list_plan(const satchel_list* list);
SATCHEL_API void satchel_list_free(satchel_list* list); /* NULL is fine. */

/* The kinds of value in a record. */
typedef int32_t satchel_kind;
enum {
  SATCHEL_KIND_ABSENT = 0,
  SATCHEL_KIND_BOOL = 1,
  SATCHEL_KIND_INTEGER = 2,
  SATCHEL_KIND_REAL = 3,
  SATCHEL_KIND_TEXT = 4,
  SATCHEL_KIND_OBJECT = 5,
  SATCHEL_KIND_ARRAY = 6
};

/* A record as it was read: {"collection","id","fields","withheld":[names],"conflicts":[names]}. */
SATCHEL_API satchel_slice satchel_record_json(const satchel_record* record);
/* `path` is a field, with dots into structs and maps: "address.city". */
SATCHEL_API satchel_kind satchel_record_kind(const satchel_record* record, satchel_slice path);
/* SATCHEL_E_NOT_FOUND: absent or withheld; SATCHEL_E_TYPE_MISMATCH: of another kind. */
SATCHEL_API satchel_status satchel_record_text(const satchel_record* record, satchel_slice path,
                                               satchel_slice* out);
SATCHEL_API satchel_status satchel_record_integer(const satchel_record* record, satchel_slice path,
                                                  int64_t* out);
SATCHEL_API satchel_status satchel_record_real(const satchel_record* record, satchel_slice path,
                                               double* out); /* Integers too. */
SATCHEL_API satchel_status satchel_record_bool(const satchel_record* record, satchel_slice path,
                                               int32_t* out);
/* Any kind, as JSON. The text is the caller's. */
SATCHEL_API satchel_status satchel_record_value(const satchel_record* record, satchel_slice path,
                                                satchel_text** out);
/* How many elements of an array, or members of an object, `path` leads to; 0 for anything else.
 * Elements are named by their place: "tags.0". The empty path is all fields. */
SATCHEL_API size_t satchel_record_count(const satchel_record* record, satchel_slice path);
/* The name of an object's member, by its place; empty beyond. */
SATCHEL_API satchel_slice satchel_record_name(const satchel_record* record, satchel_slice path,
                                              size_t index);
/* The record's id and collection. */
SATCHEL_API satchel_slice satchel_record_id(const satchel_record* record);
SATCHEL_API satchel_slice satchel_record_collection(const satchel_record* record);
/* 1 where policy keeps the field from the purpose it was read for. */
SATCHEL_API int32_t satchel_record_withheld(const satchel_record* record, satchel_slice field);
SATCHEL_API void satchel_record_free(satchel_record* record); /* NULL is fine. */
/* Reads one row of a query as a record. */
SATCHEL_API satchel_status satchel_record_parse(satchel_slice json, satchel_record** out,
                                                satchel_error** error);

/* ---- Configuration --------------------------------------------------------------------------- */

/* Requests that the SDK makes of its host; each is completed or failed exactly once, from any
 * thread, at once or later. One that is not answered before its deadline fails the call that needed
 * it with SATCHEL_E_TIMEOUT; a late answer is ignored. */
SATCHEL_API void satchel_request_complete(satchel_request* request, const void* data, size_t size);
SATCHEL_API void satchel_request_fail(satchel_request* request, satchel_status status);

typedef int32_t satchel_strength;
enum {
  SATCHEL_STRENGTH_HARDWARE = 1, /* A key that was destroyed is destroyed. */
  SATCHEL_STRENGTH_OS = 2,
  SATCHEL_STRENGTH_FILE = 3 /* Overwritten as well as a file system allows. */
};

/* The host's key store: holds the root keys of one replica, 32 bytes each, by generation; two at
 * most, and only while keys are rotated. put and destroy are durable when they complete. */
typedef struct satchel_key_provider {
  uint32_t struct_size;
  satchel_strength strength;
  void* user;
  /* Complete with nothing. Replaces what the generation held. */
  void (*put)(void* user, uint32_t generation, const uint8_t* key, size_t size,
              satchel_request* request);
  /* Complete with the 32 bytes, or fail with SATCHEL_E_KEY_LOST where there is none. */
  void (*get)(void* user, uint32_t generation, satchel_request* request);
  /* Complete with nothing; not there is not an error. */
  void (*destroy)(void* user, uint32_t generation, satchel_request* request);
  /* Complete with an array of uint32_t, ascending; empty where no key is held. */
  void (*list)(void* user, satchel_request* request);
} satchel_key_provider;

/* The device's signing key, Ed25519, where the host keeps it. */
typedef struct satchel_signer {
  uint32_t struct_size;
  uint8_t public_key[32];
  void* user;
  /* Complete with the 64 bytes of the signature. */
  void (*sign)(void* user, const uint8_t* message, size_t size, satchel_request* request);
} satchel_signer;

typedef int32_t satchel_log_level;
enum {
  SATCHEL_LOG_DEBUG = 0,
  SATCHEL_LOG_INFO = 1,
  SATCHEL_LOG_WARNING = 2,
  SATCHEL_LOG_ERROR = 3
};
/* One line without an end of line, no personal data. Any thread, possibly while a lock is held: the
 * callback must not call the SDK. */
typedef void (*satchel_log_callback)(void* user, satchel_log_level level, satchel_slice line);
/* Hands a task to the host's loop, which runs it once with satchel_task_run (or gives it up with
 * satchel_task_drop; then events stay undelivered until the next one). Must not run it at once. */
typedef void (*satchel_post_callback)(void* user, satchel_task* task);
SATCHEL_API void satchel_task_run(satchel_task* task);
SATCHEL_API void satchel_task_drop(satchel_task* task);

typedef struct satchel_config {
  uint32_t struct_size;
  uint32_t lock_wait_ms;      /* How long to wait for another process that holds the folder. */
  satchel_slice path;         /* The replica's own folder, private to the app. */
  satchel_slice key_file;     /* Without key_provider: the key file; default PATH/key, mode 0600. */
  satchel_slice install_file; /* Default PATH/install: tells a copied folder from the original. */
  satchel_slice boot_id_file; /* Default the kernel's. */
  satchel_slice connect;      /* HOST:PORT to dial instead of the server's own. */
  uint64_t quota_bytes;       /* The store's size limit; 0 for 4 GiB. */
  uint32_t request_timeout_ms; /* Deadline of requests to the host; 0 for 30,000. */
  int32_t log_level;
  satchel_log_callback log;
  void* log_user;
  satchel_post_callback post; /* NULL: callbacks run on the SDK's thread. */
  void* post_user;
  const satchel_key_provider* key_provider; /* Copied. NULL: the key file. */
  const satchel_signer* signer;             /* Copied. NULL: a key in PATH/signer. */
} satchel_config;
#define SATCHEL_CONFIG_INIT                                                                      \
  {                                                                                              \
    sizeof(satchel_config), 0, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, 0, 0,           \
        SATCHEL_LOG_WARNING, 0, 0, 0, 0, 0, 0                                                    \
  }

/* ---- The replica ----------------------------------------------------------------------------- */

/* Redeems an enrolment code and makes the encrypted replica; nothing is synced yet. Not from a
 * callback. SATCHEL_E_ALREADY_EXISTS: the folder holds a replica; SATCHEL_E_ENROLMENT_INVALID,
 * _EXPIRED, _USED; SATCHEL_E_UNREACHABLE; SATCHEL_E_CERTIFICATE_WRONG. */
SATCHEL_API satchel_status satchel_replica_enroll(const satchel_config* config, satchel_slice code,
                                                  satchel_slice device_name, uint32_t timeout_ms,
                                                  satchel_replica** out, satchel_error** error);
/* SATCHEL_E_STORE_MISSING; SATCHEL_E_STORE_BUSY (another process, named by its pid, or this one,
 * holds the folder); SATCHEL_E_KEY_WRONG, SATCHEL_E_KEY_LOST (the ways out: give the right key, or
 * satchel_wipe and enrol anew), SATCHEL_E_KEY_MALFORMED; SATCHEL_E_STORE_CORRUPT. */
SATCHEL_API satchel_status satchel_replica_open(const satchel_config* config, satchel_replica** out,
                                                satchel_error** error);
/* Stops syncing, cancels subscriptions, waits for callbacks, closes the store, frees the handle
 * (also on failure). NULL is fine. Reads and writes that are open must be ended before. Not from a
 * callback: SATCHEL_E_USAGE, and the handle stays. */
SATCHEL_API satchel_status satchel_replica_close(satchel_replica* replica, satchel_error** error);
/* Closes the store and its locks, so that the app can be suspended; the handle stays. Reads and
 * writes fail with SATCHEL_E_CANCELLED until resume. SATCHEL_E_USAGE: a write is open on this
 * thread. */
SATCHEL_API satchel_status satchel_replica_suspend(satchel_replica* replica, satchel_error** error);
SATCHEL_API satchel_status satchel_replica_resume(satchel_replica* replica, satchel_error** error);
/* The same for a folder that no handle has open, also where it is too damaged to open. `out` also
 * on SATCHEL_E_KEY_WRONG and SATCHEL_E_KEY_LOST. SATCHEL_E_STORE_MISSING, SATCHEL_E_STORE_BUSY. */
SATCHEL_API satchel_status satchel_verify(const satchel_config* config, satchel_text** out,
                                          satchel_error** error);
/* Destroys the keys and deletes the folder's contents. For a folder that no handle has open; works
 * without its key too. SATCHEL_E_STORE_BUSY. The server may order it as well: then the next sync
 * carries it out and ends with SATCHEL_E_DEVICE_WIPED, as does every later call on the handle, and
 * the status event is {"phase":"revoked","error":"device_wiped"}. */
SATCHEL_API satchel_status satchel_wipe(const satchel_config* config, satchel_error** error);
/* Gives the store a fresh root key and everything under it fresh keys; the old root is
 * destroyed. */
SATCHEL_API satchel_status satchel_replica_rotate_keys(satchel_replica* replica,
                                                       satchel_error** error);
/* Reads and authenticates every value. `out` also on SATCHEL_E_STORE_CORRUPT:
 * {"values","bad":[],"lost_outbox":[],"damaged_outbox":[],"key":"ok|wrong|lost"}; lost_outbox are
 * numbers of commits that the server never got and this device cannot read any more;
 * damaged_outbox says of each commit that cannot be read {"commit","records":[{"collection","id"}],
 * "state"}: "sealed_copy" (unsent, a copy sealed to the server goes in its place), "lost" (unsent,
 * nothing of it can be sent), "answered" (lost, and its number is used up; or refused),
 * "acknowledged" (the server has it). status and sync name all but the last. */
SATCHEL_API satchel_status satchel_replica_verify(satchel_replica* replica, satchel_text** out,
                                                  satchel_error** error);
/* Drops records that do not authenticate, so that the next sync pulls them again, and what of the
 * outbox or inbox is lost: {"dropped":[{"collection","id"}],"lost":[..as damaged_outbox..],
 * "mended":[..the same..]}; of what was mended nothing that is still needed was lost. */
SATCHEL_API satchel_status satchel_replica_heal(satchel_replica* replica, satchel_text** out,
                                                satchel_error** error);
/* Keeps so many days of history, of collections that the schema calls history; 0: all of it. What
 * is older goes at once, but for what has unsent work; `out_gone` says how many records. What a
 * wider reach brings back comes with the next sync. SATCHEL_E_LIMIT_EXCEEDED: more than 36,500. */
SATCHEL_API satchel_status satchel_replica_narrow(satchel_replica* replica, uint32_t days,
                                                  uint64_t* out_gone, satchel_error** error);
/* {"phase","pending","rejected","conflicts","last_sync","replica","incarnation","cursor",
 * "leases":{class:until},"versions":{"store","schema","protocol"},...}; where a record does not
 * authenticate, conflicts is null and "damage" says where and what to do. */
SATCHEL_API satchel_status satchel_replica_status(satchel_replica* replica, satchel_text** out,
                                                  satchel_error** error);
/* A lower bound of real time that the device's clock cannot turn back. */
SATCHEL_API satchel_status satchel_replica_trusted_now(satchel_replica* replica, int64_t* out_us,
                                                       satchel_error** error);
/* The schema in force: {"hash","collections":[{"name","fields":[{"name","type","rule","privacy",
 * "indexed","searchable","required"}]}]}. */
SATCHEL_API satchel_status satchel_replica_schema(satchel_replica* replica, satchel_text** out,
                                                  satchel_error** error);

/* ---- Reading --------------------------------------------------------------------------------- */

/* A record that is damaged on this device delays only itself. satchel_read_get of it gives
 * SATCHEL_E_STORE_CORRUPT. Of a query, a search, conflicts and a dump, `out` is set also on
 * SATCHEL_E_STORE_CORRUPT: the list, which is to be freed, holds all the rows that could be read,
 * and the error names the records that could not ("accounts 018f3c5e-..., ... cannot be read") and
 * what to do: satchel_replica_heal. NULL in `out`: there is nothing to show. */

/* A read scope: what is read through it is what `purpose` may see. Holds no transaction and no
 * lock. SATCHEL_E_POLICY_DENIED: the purpose is not known. End it before the replica is closed. */
SATCHEL_API satchel_status satchel_read_begin(satchel_replica* replica, satchel_slice purpose,
                                              satchel_read** out, satchel_error** error);
SATCHEL_API void satchel_read_end(satchel_read* read); /* NULL is fine. */

/* SATCHEL_E_RECORD_UNKNOWN, SATCHEL_E_RECORD_DELETED, SATCHEL_E_COLLECTION_UNKNOWN. */
SATCHEL_API satchel_status satchel_read_get(satchel_read* read, satchel_slice collection,
                                            satchel_slice id, satchel_record** out,
                                            satchel_error** error);

typedef struct satchel_query_options {
  uint32_t struct_size;
  uint32_t limit;      /* 0: all. */
  satchel_slice order; /* "name,-createdAt"; empty: by id. */
} satchel_query_options;
#define SATCHEL_QUERY_OPTIONS_INIT \
  { sizeof(satchel_query_options), 0, {0, 0} }

/* `expression`: territory = "11" and (pipeline.stage != "lost" or amount.minor > 10000); also in,
 * like, exists, not, ISO 8601 dates. Empty: all. Rows are records as satchel_record_json gives
 * them. `options` may be NULL. SATCHEL_E_QUERY_INVALID names the column. */
SATCHEL_API satchel_status satchel_read_query(satchel_read* read, satchel_slice collection,
                                              satchel_slice expression,
                                              const satchel_query_options* options,
                                              satchel_list** out, satchel_error** error);
/* Records whose searchable fields hold a word that begins with each word of `text`, folded: case,
 * marks and ligatures do not count. `collection` may be empty. limit 0: 100. */
SATCHEL_API satchel_status satchel_read_search(satchel_read* read, satchel_slice text,
                                               satchel_slice collection, uint32_t limit,
                                               satchel_list** out, satchel_error** error);
/* Fields that a person should look at, {"collection","id","field","rule","shown",
 * "siblings":[{"dot","value","replica","stamp"}]}. `collection` may be empty. */
SATCHEL_API satchel_status satchel_read_conflicts(satchel_read* read, satchel_slice collection,
                                                  satchel_list** out, satchel_error** error);
/* Why a field shows what it shows: {"field","shown","rule","concurrent":[{"dot","stamp","replica",
 * "value"}],"losers":[dot],"sentence","restore","retention"}, and "frozen" where the record's stage
 * lets no device write it; one row per field where `field` is empty. */
SATCHEL_API satchel_status satchel_read_explain(satchel_read* read, satchel_slice collection,
                                                satchel_slice id, satchel_slice field,
                                                satchel_list** out, satchel_error** error);
/* Every record in canonical form (RFC 8785), sorted by collection and id; `clocks` 1 adds contexts,
 * dots, stamps, siblings and withheld. */
SATCHEL_API satchel_status satchel_read_dump(satchel_read* read, int32_t clocks, satchel_list** out,
                                             satchel_error** error);
/* Commits that the server has not answered: {"commit","at","purpose","records","fields"}. */
SATCHEL_API satchel_status satchel_read_pending(satchel_read* read, satchel_list** out,
                                                satchel_error** error);
/* One of them with its writes. SATCHEL_E_NOT_FOUND. */
SATCHEL_API satchel_status satchel_read_pending_item(satchel_read* read, uint64_t commit,
                                                     satchel_text** out, satchel_error** error);
/* Writes that the server refused: {"id","commit","code","rule","fields","at"}. */
SATCHEL_API satchel_status satchel_read_inbox(satchel_read* read, satchel_list** out,
                                              satchel_error** error);
/* One of them with its writes. SATCHEL_E_NOT_FOUND. */
SATCHEL_API satchel_status satchel_read_inbox_item(satchel_read* read, uint64_t item,
                                                   satchel_text** out, satchel_error** error);
/* Writes the refused changes again as a new commit, whose number is given; they leave the inbox. */
SATCHEL_API satchel_status satchel_inbox_retry(satchel_replica* replica, uint64_t item,
                                               uint64_t* commit, satchel_error** error);
/* Gives the refused changes up. SATCHEL_E_NOT_FOUND. */
SATCHEL_API satchel_status satchel_inbox_discard(satchel_replica* replica, uint64_t item,
                                                 satchel_error** error);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Begins a write scope: one atomic commit. Waits for other writes, at most `deadline_ms` (0: for
 * ever): SATCHEL_E_TIMEOUT. SATCHEL_E_USAGE: this thread has one open. SATCHEL_E_POLICY_DENIED: the
 * purpose is not known. While it is open nobody else writes or syncs: keep it short. */
SATCHEL_API satchel_status satchel_write_begin(satchel_replica* replica, satchel_slice purpose,
                                               uint32_t deadline_ms, satchel_write** out,
                                               satchel_error** error);
/* Makes the commit durable and frees the scope, also on failure, when nothing of it was written.
 * `commit` (may be NULL) receives its number; 0 where nothing was written.
 * SATCHEL_E_REQUIRED_MISSING, SATCHEL_E_STORE_FULL, SATCHEL_E_LIMIT_EXCEEDED. */
SATCHEL_API satchel_status satchel_write_commit(satchel_write* write, uint64_t* commit,
                                                satchel_error** error);
SATCHEL_API void satchel_write_abort(satchel_write* write); /* Frees it. NULL is fine. */

/* Every call below is checked at once, policy included: SATCHEL_E_POLICY_DENIED,
 * SATCHEL_E_COLLECTION_UNKNOWN, _FIELD_UNKNOWN, _TYPE_MISMATCH, _RULE_MISMATCH, _RECORD_UNKNOWN,
 * _RECORD_DELETED, _REFERENCE_CYCLE. A call that failed changed nothing; the scope goes on. */

/* A new record, with an id made here. */
SATCHEL_API satchel_status satchel_write_create(satchel_write* write, satchel_slice collection,
                                                satchel_id* out, satchel_error** error);
/* A new record with the caller's UUID. SATCHEL_E_ALREADY_EXISTS. */
SATCHEL_API satchel_status satchel_write_create_as(satchel_write* write, satchel_slice collection,
                                                   satchel_slice id, satchel_error** error);
/* Sets a field, a member of a struct ("address.city") or an entry of a map ("openingHours.mon") to
 * a JSON value; null clears. */
SATCHEL_API satchel_status satchel_write_set(satchel_write* write, satchel_slice collection,
                                             satchel_slice id, satchel_slice path,
                                             satchel_slice json, satchel_error** error);
/* The same with what a person typed: text as it stands, digits for numbers, ISO 8601 for times;
 * empty clears. */
SATCHEL_API satchel_status satchel_write_set_text(satchel_write* write, satchel_slice collection,
                                                  satchel_slice id, satchel_slice path,
                                                  satchel_slice text, satchel_error** error);
/* Sets every field of a JSON object {"name": value, ...}; of sets and maps it adds what is
 * named. */
SATCHEL_API satchel_status satchel_write_put(satchel_write* write, satchel_slice collection,
                                             satchel_slice id, satchel_slice fields_json,
                                             satchel_error** error);
/* Adds to a counter. */
SATCHEL_API satchel_status satchel_write_add(satchel_write* write, satchel_slice collection,
                                             satchel_slice id, satchel_slice field,
                                             int64_t increment, satchel_error** error);
/* Adds or removes one element of a set; the element as JSON. */
SATCHEL_API satchel_status satchel_write_set_add(satchel_write* write, satchel_slice collection,
                                                 satchel_slice id, satchel_slice field,
                                                 satchel_slice json, satchel_error** error);
SATCHEL_API satchel_status satchel_write_set_remove(satchel_write* write, satchel_slice collection,
                                                    satchel_slice id, satchel_slice field,
                                                    satchel_slice json, satchel_error** error);
/* The same with an element that a person typed. */
SATCHEL_API satchel_status satchel_write_set_add_text(satchel_write* write,
                                                      satchel_slice collection, satchel_slice id,
                                                      satchel_slice field, satchel_slice text,
                                                      satchel_error** error);
SATCHEL_API satchel_status satchel_write_set_remove_text(satchel_write* write,
                                                         satchel_slice collection, satchel_slice id,
                                                         satchel_slice field, satchel_slice text,
                                                         satchel_error** error);
/* Adds an entry to a log. */
SATCHEL_API satchel_status satchel_write_log_append(satchel_write* write, satchel_slice collection,
                                                    satchel_slice id, satchel_slice field,
                                                    satchel_slice json, satchel_error** error);
SATCHEL_API satchel_status satchel_write_delete(satchel_write* write, satchel_slice collection,
                                                satchel_slice id, satchel_error** error);
/* Brings a deleted record back. */
SATCHEL_API satchel_status satchel_write_restore(satchel_write* write, satchel_slice collection,
                                                 satchel_slice id, satchel_error** error);
/* Writes the value of a loser again, named by its dot as satchel_read_explain gives it.
 * SATCHEL_E_NOT_FOUND: the field holds no such write. */
SATCHEL_API satchel_status satchel_write_restore_value(satchel_write* write,
                                                       satchel_slice collection, satchel_slice id,
                                                       satchel_slice field, satchel_slice dot,
                                                       satchel_error** error);
/* Settles a conflict: writes a JSON value having seen all siblings. */
SATCHEL_API satchel_status satchel_write_resolve(satchel_write* write, satchel_slice collection,
                                                 satchel_slice id, satchel_slice path,
                                                 satchel_slice json, satchel_error** error);
/* The same with what a person typed. */
SATCHEL_API satchel_status satchel_write_resolve_text(satchel_write* write,
                                                      satchel_slice collection, satchel_slice id,
                                                      satchel_slice path, satchel_slice text,
                                                      satchel_error** error);
/* The record as this scope would leave it. */
SATCHEL_API satchel_status satchel_write_get(satchel_write* write, satchel_slice collection,
                                             satchel_slice id, satchel_record** out,
                                             satchel_error** error);

/* ---- Syncing --------------------------------------------------------------------------------- */

typedef struct satchel_sync_options {
  uint32_t struct_size;
  uint32_t timeout_ms; /* Of the whole; 0: none, every single step still has its deadline. */
  uint32_t retries;    /* Of satchel_sync_once, after an exchange that could not be finished. */
} satchel_sync_options;
#define SATCHEL_SYNC_OPTIONS_INIT \
  { sizeof(satchel_sync_options), 0, 0 }

/* One exchange, until both sides have what they lack: {"pushed","refused","received","bytes_in",
 * "bytes_out","attempts","ms"}. Commits that the server refused are counted, and in the inbox, and
 * no failure. `options` may be NULL, `out` too. Not from a callback. SATCHEL_E_UNREACHABLE,
 * _CONNECTION_CUT, _CERTIFICATE_WRONG, _DEVICE_REVOKED, _CANCELLED (stopped or suspended). */
SATCHEL_API satchel_status satchel_sync_once(satchel_replica* replica,
                                             const satchel_sync_options* options,
                                             satchel_text** out, satchel_error** error);
/* Syncs from now on: live while connected, again after each cut, with growing pauses up to a
 * minute. Started twice is not an error. */
SATCHEL_API satchel_status satchel_sync_start(satchel_replica* replica, satchel_error** error);
/* Returns when nothing of it runs any more. Not from a callback. */
SATCHEL_API satchel_status satchel_sync_stop(satchel_replica* replica, satchel_error** error);
/* The host knows whether there is a network: 0 pauses, 1 tries at once. */
SATCHEL_API satchel_status satchel_sync_reachable(satchel_replica* replica, int32_t reachable,
                                                  satchel_error** error);

/* ---- Events ---------------------------------------------------------------------------------- */

/* What a callback is given. Lives during the call; retain it to keep it, release it then. */
SATCHEL_API void satchel_event_retain(satchel_event* event);
SATCHEL_API void satchel_event_release(satchel_event* event);
/* Rows of the event, JSON: one status (always the whole of it); changes; or the rows of a query. */
SATCHEL_API size_t satchel_event_count(const satchel_event* event);
SATCHEL_API satchel_slice satchel_event_at(const satchel_event* event, size_t index);

typedef void (*satchel_event_callback)(void* user, satchel_event* event);

/* Every change of the sync status; first at once. One row, as satchel_replica_status gives it.
 * Coalesced: the last one is the truth. */
SATCHEL_API satchel_status satchel_observe_status(satchel_replica* replica,
                                                  satchel_event_callback callback, void* user,
                                                  satchel_subscription** out,
                                                  satchel_error** error);
/* Records that changed in what `purpose` is shown, from now on, coalesced: {"collection","id",
 * "fields","seq"} with the changed fields' values (null: absent now), "gone":true for a record no
 * longer held or deleted. seq 0: written here. */
SATCHEL_API satchel_status satchel_observe_changes(satchel_replica* replica, satchel_slice purpose,
                                                   satchel_event_callback callback, void* user,
                                                   satchel_subscription** out,
                                                   satchel_error** error);
/* The rows of a query, first at once and then as they change: {"change":"inserted|updated|removed",
 * "id","record"}; removed rows have no record. */
SATCHEL_API satchel_status satchel_observe_query(satchel_replica* replica, satchel_slice purpose,
                                                 satchel_slice collection, satchel_slice expression,
                                                 const satchel_query_options* options,
                                                 satchel_event_callback callback, void* user,
                                                 satchel_subscription** out,
                                                 satchel_error** error);
/* Once it has returned no callback starts; one that runs may still be running. Any thread, also
 * from a callback. */
SATCHEL_API void satchel_subscription_cancel(satchel_subscription* subscription);
/* Also waits for one that runs. From the subscription's own callback: SATCHEL_E_USAGE, cancelled
 * without waiting. */
SATCHEL_API satchel_status satchel_subscription_cancel_wait(satchel_subscription* subscription);
/* Cancels and frees the handle. NULL is fine. */
SATCHEL_API void satchel_subscription_free(satchel_subscription* subscription);

#ifdef __cplusplus
}
#endif

#endif
