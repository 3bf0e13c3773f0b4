/* Uses the whole of satchel.h the way a host in C does. Compiled as C99, pedantic. */
#include "tests/conformance/c_interface.h"

#include <satchel/satchel.h>
#include <stdio.h>
#include <string.h>

/* Notes the first thing that is not as it should be. */
#define EXPECT(condition)                                                              \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      snprintf(message, size, "line %d: %s", __LINE__, #condition);                    \
      return 0;                                                                        \
    }                                                                                  \
  } while (0)
#define GIVEN(call) EXPECT((call) == SATCHEL_OK)
#define S(text) satchel_str(text)

static int holds(satchel_slice text, const char* part) {
  size_t i, length = strlen(part);
  for (i = 0; i + length <= text.size; ++i) {
    if (memcmp(text.data + i, part, length) == 0) return 1;
  }
  return 0;
}

static int check_values(char* message, size_t size) {
  satchel_record* record = NULL;
  satchel_error* error = NULL;
  satchel_slice text;
  int64_t integer = 0;
  int32_t truth = 0;
  double real = 0;
  satchel_text* json = NULL;
  GIVEN(satchel_record_parse(S("{\"fields\":{\"a\":{\"b\":\"x\"},\"n\":7,\"r\":2.5,\"t\":true,"
                               "\"l\":[1]},\"withheld\":[\"w\"]}"), &record, &error));
  EXPECT(satchel_record_kind(record, S("a")) == SATCHEL_KIND_OBJECT);
  EXPECT(satchel_record_kind(record, S("l")) == SATCHEL_KIND_ARRAY);
  EXPECT(satchel_record_kind(record, S("a.c")) == SATCHEL_KIND_ABSENT);
  GIVEN(satchel_record_text(record, S("a.b"), &text));
  EXPECT(text.size == 1 && text.data[0] == 'x');
  GIVEN(satchel_record_integer(record, S("n"), &integer));
  EXPECT(integer == 7);
  GIVEN(satchel_record_real(record, S("r"), &real));
  EXPECT(real > 2.4 && real < 2.6);
  GIVEN(satchel_record_real(record, S("n"), &real));
  GIVEN(satchel_record_bool(record, S("t"), &truth));
  EXPECT(truth == 1);
  EXPECT(satchel_record_text(record, S("n"), &text) == SATCHEL_E_TYPE_MISMATCH);
  EXPECT(satchel_record_text(record, S("w"), &text) == SATCHEL_E_NOT_FOUND);
  EXPECT(satchel_record_withheld(record, S("w")) == 1);
  EXPECT(satchel_record_withheld(record, S("n")) == 0);
  GIVEN(satchel_record_value(record, S("a"), &json));
  EXPECT(holds(satchel_text_slice(json), "{\"b\":\"x\"}"));
  satchel_text_free(json);
  satchel_record_free(record);
  EXPECT(satchel_record_parse(S("[]"), &record, &error) == SATCHEL_E_INVALID_ARGUMENT);
  EXPECT(record == NULL && satchel_error_code(error) == SATCHEL_E_INVALID_ARGUMENT);
  satchel_error_free(error);
  return 1;
}

static int check_refusals(const char* home, char* message, size_t size) {
  satchel_config config = SATCHEL_CONFIG_INIT;
  satchel_replica* replica = NULL;
  satchel_error* error = NULL;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_INVALID_ARGUMENT);
  config.path = S("/nonexistent/replica");
  EXPECT(satchel_replica_open(&config, &replica, &error) == SATCHEL_E_STORE_MISSING);
  EXPECT(replica == NULL);
  EXPECT(satchel_error_code(error) == SATCHEL_E_STORE_MISSING);
  EXPECT(satchel_error_retryable(error) == 0);
  EXPECT(holds(satchel_error_message(error), satchel_status_sentence(SATCHEL_E_STORE_MISSING)));
  satchel_error_free(error);
  config.path = S(home);
  config.struct_size = 4;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_INVALID_ARGUMENT);
  EXPECT(satchel_replica_open(NULL, &replica, NULL) == SATCHEL_E_INVALID_ARGUMENT);
  EXPECT(satchel_replica_open(&config, NULL, NULL) == SATCHEL_E_INVALID_ARGUMENT);
  EXPECT(satchel_replica_close(NULL, NULL) == SATCHEL_OK);
  EXPECT(satchel_list_count(NULL) == 0 && satchel_list_at(NULL, 0).size == 0);
  EXPECT(strcmp(satchel_status_name(SATCHEL_E_POLICY_DENIED), "policy_denied") == 0);
  EXPECT(satchel_status_exit(SATCHEL_E_UNREACHABLE) == 7 && satchel_status_exit(SATCHEL_OK) == 0);
  return 1;
}

static int write_order(satchel_replica* replica, satchel_id* order, char* message, size_t size) {
  satchel_write* write = NULL;
  satchel_record* record = NULL;
  uint64_t commit = 0;
  int32_t money;
  GIVEN(satchel_write_begin(replica, S("CustomerOrderManagement"), 2000, &write, NULL));
  GIVEN(satchel_write_create(write, S("orders"), order, NULL));
  GIVEN(satchel_write_set(write, S("orders"), S(order->text), S("note"), S("\"gate B\""), NULL));
  GIVEN(satchel_write_set_text(write, S("orders"), S(order->text), S("currency"), S("EUR"), NULL));
  GIVEN(satchel_write_add(write, S("orders"), S(order->text), S("printCount"), 2, NULL));
  GIVEN(satchel_write_set_add(write, S("orders"), S(order->text), S("tags"), S("\"a\""), NULL));
  GIVEN(satchel_write_set_add_text(write, S("orders"), S(order->text), S("tags"), S("b"), NULL));
  GIVEN(satchel_write_set_remove(write, S("orders"), S(order->text), S("tags"), S("\"a\""), NULL));
  GIVEN(satchel_write_log_append(write, S("orders"), S(order->text), S("payments"),
                                 S("{\"amount\":{\"minor\":9007199254740993}}"), NULL));
  EXPECT(satchel_write_set(write, S("orders"), S(order->text), S("colour"), S("1"), NULL) ==
         SATCHEL_E_FIELD_UNKNOWN);
  GIVEN(satchel_write_get(write, S("orders"), S(order->text), &record, NULL));
  money = holds(satchel_record_json(record), "9007199254740993");
  satchel_record_free(record);
  EXPECT(money); /* All 64 bits are kept. */
  GIVEN(satchel_write_commit(write, &commit, NULL));
  EXPECT(commit == 1);
  GIVEN(satchel_write_begin(replica, S("CustomerOrderManagement"), 0, &write, NULL));
  GIVEN(satchel_write_delete(write, S("orders"), S(order->text), NULL));
  satchel_write_abort(write);
  EXPECT(satchel_write_begin(replica, S("Nonsense"), 0, &write, NULL) == SATCHEL_E_POLICY_DENIED);
  return 1;
}

static int read_order(satchel_replica* replica, const satchel_id* order, char* message,
                      size_t size) {
  satchel_read* read = NULL;
  satchel_record* record = NULL;
  satchel_list* list = NULL;
  satchel_text* text = NULL;
  satchel_slice note;
  satchel_query_options options = SATCHEL_QUERY_OPTIONS_INIT;
  GIVEN(satchel_read_begin(replica, S(SATCHEL_PURPOSE_DEFAULT), &read, NULL));
  GIVEN(satchel_read_get(read, S("orders"), S(order->text), &record, NULL));
  GIVEN(satchel_record_text(record, S("note"), &note));
  EXPECT(note.size == 6 && memcmp(note.data, "gate B", 6) == 0);
  satchel_record_free(record);
  options.limit = 1;
  options.order = S("-createdAt");
  GIVEN(satchel_read_query(read, S("orders"), S("note = \"gate B\""), &options, &list, NULL));
  EXPECT(satchel_list_count(list) == 1 && holds(satchel_list_plan(list), "\"scanned\":1"));
  satchel_list_free(list);
  GIVEN(satchel_read_explain(read, S("orders"), S(order->text), S("note"), &list, NULL));
  EXPECT(holds(satchel_list_at(list, 0), "\"shown\":\"gate B\""));
  satchel_list_free(list);
  GIVEN(satchel_read_dump(read, 1, &list, NULL));
  EXPECT(satchel_list_count(list) == 1 && holds(satchel_list_at(list, 0), "\"siblings\""));
  satchel_list_free(list);
  GIVEN(satchel_read_pending(read, &list, NULL));
  EXPECT(satchel_list_count(list) == 1);
  satchel_list_free(list);
  GIVEN(satchel_read_pending_item(read, 1, &text, NULL));
  satchel_text_free(text);
  GIVEN(satchel_read_inbox(read, &list, NULL));
  EXPECT(satchel_list_count(list) == 0);
  satchel_list_free(list);
  EXPECT(satchel_read_inbox_item(read, 1, &text, NULL) == SATCHEL_E_NOT_FOUND);
  GIVEN(satchel_read_conflicts(read, S(""), &list, NULL));
  satchel_list_free(list);
  satchel_read_end(read);
  return 1;
}

struct heard {
  int events;
  satchel_event* kept;
};

static void on_event(void* user, satchel_event* event) {
  struct heard* heard = user;
  if (heard->kept == NULL) {
    satchel_event_retain(event);
    heard->kept = event;
  }
  heard->events++;
}

/* The host's loop of this test: tasks wait here until they are run. */
struct loop {
  satchel_task* task;
};
static void post_task(void* user, satchel_task* task) { ((struct loop*)user)->task = task; }

static int observe(satchel_replica* replica, struct loop* loop, void (*pause)(void), char* message,
                   size_t size) {
  struct heard heard = {0, NULL};
  satchel_subscription* subscription = NULL;
  int turns;
  GIVEN(satchel_observe_status(replica, on_event, &heard, &subscription, NULL));
  for (turns = 0; loop->task == NULL && turns < 2000; ++turns) pause();
  EXPECT(loop->task != NULL && heard.events == 0);
  satchel_task_run(loop->task);
  loop->task = NULL;
  EXPECT(heard.events == 1 && satchel_event_count(heard.kept) == 1);
  EXPECT(holds(satchel_event_at(heard.kept, 0), "\"phase\":\"stopped\""));
  GIVEN(satchel_subscription_cancel_wait(subscription));
  satchel_subscription_free(subscription);
  satchel_event_release(heard.kept);
  return 1;
}

/* A key store of the host's own, in memory, that answers at once. */
static void keys_get(void* user, uint32_t generation, satchel_request* request) {
  (void)generation;
  if (user == NULL) satchel_request_fail(request, SATCHEL_E_KEY_LOST);
  else satchel_request_complete(request, user, 32);
}
static void keys_put(void* user, uint32_t generation, const uint8_t* key, size_t size,
                     satchel_request* request) {
  (void)user, (void)generation, (void)key, (void)size;
  satchel_request_complete(request, NULL, 0);
}
static void keys_destroy(void* user, uint32_t generation, satchel_request* request) {
  (void)user, (void)generation;
  satchel_request_complete(request, NULL, 0);
}
static void keys_list(void* user, satchel_request* request) {
  uint32_t one = 1;
  satchel_request_complete(request, &one, user == NULL ? 0 : sizeof one);
}
static void keys_silent(void* user, uint32_t generation, satchel_request* request) {
  (void)generation;
  *(satchel_request**)user = request;
}

static int check_host_keys(const char* home, char* message, size_t size) {
  satchel_config config = SATCHEL_CONFIG_INIT;
  satchel_key_provider keys;
  satchel_replica* replica = NULL;
  satchel_request* late = NULL;
  uint8_t zeros[32];
  memset(zeros, 0, sizeof zeros);
  memset(&keys, 0, sizeof keys);
  keys.struct_size = sizeof keys;
  keys.strength = SATCHEL_STRENGTH_OS;
  keys.put = keys_put;
  keys.get = keys_get;
  keys.destroy = keys_destroy;
  keys.list = keys_list;
  config.path = S(home);
  config.key_provider = &keys;
  config.request_timeout_ms = 50;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_KEY_LOST);
  keys.user = zeros;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_KEY_WRONG);
  keys.user = &late;
  keys.get = keys_silent;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_TIMEOUT);
  satchel_request_complete(late, zeros, 32); /* Too late: ignored. */
  keys.get = NULL;
  EXPECT(satchel_replica_open(&config, &replica, NULL) == SATCHEL_E_INVALID_ARGUMENT);
  return 1;
}

int c_interface_run(const char* home, void (*pause)(void), char* message, size_t size) {
  satchel_config config = SATCHEL_CONFIG_INIT;
  satchel_replica* replica = NULL;
  satchel_replica* second = NULL;
  satchel_text* text = NULL;
  satchel_id order;
  struct loop loop = {NULL};
  uint64_t commit = 0;
  int64_t now = 0;
  if (!check_values(message, size) || !check_refusals(home, message, size)) return 0;
  if (!check_host_keys(home, message, size)) return 0;
  config.path = S(home);
  config.post = post_task;
  config.post_user = &loop;
  GIVEN(satchel_replica_open(&config, &replica, NULL));
  EXPECT(satchel_replica_open(&config, &second, NULL) == SATCHEL_E_STORE_BUSY);
  if (!write_order(replica, &order, message, size)) return 0;
  if (!read_order(replica, &order, message, size)) return 0;
  if (!observe(replica, &loop, pause, message, size)) return 0;
  GIVEN(satchel_replica_status(replica, &text, NULL));
  EXPECT(holds(satchel_text_slice(text), "\"pending\":1"));
  satchel_text_free(text);
  GIVEN(satchel_replica_trusted_now(replica, &now, NULL));
  uint64_t gone = 1;
  GIVEN(satchel_replica_narrow(replica, 30, &gone, NULL));
  GIVEN(satchel_replica_narrow(replica, 0, &gone, NULL));
  EXPECT(now > 0);
  GIVEN(satchel_replica_schema(replica, &text, NULL));
  satchel_text_free(text);
  GIVEN(satchel_replica_rotate_keys(replica, NULL));
  GIVEN(satchel_replica_verify(replica, &text, NULL));
  EXPECT(holds(satchel_text_slice(text), "\"key\":\"ok\""));
  satchel_text_free(text);
  GIVEN(satchel_replica_heal(replica, &text, NULL));
  EXPECT(holds(satchel_text_slice(text), "\"lost\":[]"));
  satchel_text_free(text);
  EXPECT(satchel_sync_once(replica, NULL, &text, NULL) == SATCHEL_E_UNREACHABLE);
  GIVEN(satchel_sync_reachable(replica, 0, NULL));
  GIVEN(satchel_sync_start(replica, NULL));
  GIVEN(satchel_sync_stop(replica, NULL));
  EXPECT(satchel_inbox_retry(replica, 1, &commit, NULL) == SATCHEL_E_NOT_FOUND && commit == 0);
  EXPECT(satchel_inbox_discard(replica, 1, NULL) == SATCHEL_E_NOT_FOUND);
  GIVEN(satchel_replica_suspend(replica, NULL));
  GIVEN(satchel_replica_resume(replica, NULL));
  EXPECT(satchel_wipe(&config, NULL) == SATCHEL_E_STORE_BUSY);
  GIVEN(satchel_replica_close(replica, NULL));
  if (loop.task != NULL) satchel_task_drop(loop.task);
  GIVEN(satchel_wipe(&config, NULL));
  EXPECT(satchel_debug_live_handles() == 0);
  return 1;
}
