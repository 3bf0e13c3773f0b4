/* The SDK from C99: opens a replica, writes one commit, explains a field, syncs.
 *
 *   c_api FOLDER */
#include <satchel/satchel.h>

#include <stdio.h>
#include <string.h>

static satchel_slice text(const char* words) {
  satchel_slice slice;
  slice.data = words;
  slice.size = strlen(words);
  return slice;
}

/* Prints and frees `error`; what the program ends with. */
static int fail(satchel_status status, satchel_error* error) {
  const satchel_slice message = satchel_error_message(error);
  fprintf(stderr, "%s: %.*s\n", satchel_status_name(status), (int)message.size, message.data);
  satchel_error_free(error);
  return satchel_status_exit(status);
}

/* One commit: a contact with a name. */
static satchel_status write_contact(satchel_replica* replica, satchel_id* id,
                                    satchel_error** error) {
  const satchel_slice contacts = text("contacts");
  satchel_write* write = NULL;
  satchel_status status =
      satchel_write_begin(replica, text("CustomerRelationshipManagement"), 2000, &write, error);
  if (status != SATCHEL_OK) return status;
  status = satchel_write_create(write, contacts, id, error);
  if (status == SATCHEL_OK) {
    status = satchel_write_put(
        write, contacts, text(id->text),
        text("{\"name\": {\"given\": \"Ada\", \"family\": \"Ash\"}, \"jobTitle\": \"Buyer\"}"),
        error);
  }
  if (status != SATCHEL_OK) {
    satchel_write_abort(write);
    return status;
  }
  return satchel_write_commit(write, NULL, error);
}

static satchel_status explain(satchel_replica* replica, const satchel_id* id,
                              satchel_error** error) {
  satchel_read* read = NULL;
  satchel_list* rows = NULL;
  size_t i;
  satchel_status status =
      satchel_read_begin(replica, text("CustomerRelationshipManagement"), &read, error);
  if (status != SATCHEL_OK) return status;
  status = satchel_read_explain(read, text("contacts"), text(id->text), text("jobTitle"), &rows,
                                error);
  if (status == SATCHEL_OK) {
    for (i = 0; i < satchel_list_count(rows); ++i) {
      const satchel_slice row = satchel_list_at(rows, i);
      printf("%.*s\n", (int)row.size, row.data);
    }
  }
  satchel_list_free(rows);
  satchel_read_end(read);
  return status;
}

int main(int argc, char** argv) {
  satchel_config config = SATCHEL_CONFIG_INIT;
  satchel_replica* replica = NULL;
  satchel_error* error = NULL;
  satchel_status status;
  satchel_id id;

  if (argc != 2) {
    fprintf(stderr, "usage: c_api FOLDER\n");
    return 2;
  }
  config.path = text(argv[1]);
  status = satchel_replica_open(&config, &replica, &error);
  if (status != SATCHEL_OK) return fail(status, error);
  status = write_contact(replica, &id, &error);
  if (status == SATCHEL_OK) status = explain(replica, &id, &error);
  if (status == SATCHEL_OK) status = satchel_sync_once(replica, NULL, NULL, &error);
  satchel_replica_close(replica, NULL);
  return status == SATCHEL_OK ? 0 : fail(status, error);
}
