// Write scopes.
#include <cstring>

#include "sdk/c/handles.hpp"

using namespace satchel;
using namespace satchel::c;
using Form = sdk::WriteScope::Form;

extern "C" {

satchel_status satchel_write_begin(satchel_replica* replica, satchel_slice purpose,
                                   uint32_t deadline_ms, satchel_write** out,
                                   satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    auto scope = replica->engine->begin_write(view(purpose), sdk::milliseconds{deadline_ms});
    if (!scope) return scope.error();
    auto write = std::make_unique<satchel_write>();
    write->scope = std::move(*scope);
    *out = write.release();
    return {};
  });
}

satchel_status satchel_write_commit(satchel_write* write, uint64_t* commit, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (commit != nullptr) *commit = 0;
    if (!all_given(write)) return missing();
    if (!write->scope->is_mine()) {
      return Error{Errc::kUsage, "a write is bound to the thread that began it"};
    }
    const std::unique_ptr<satchel_write> owned{write};
    auto number = owned->scope->commit();
    if (!number) return number.error();
    if (commit != nullptr) *commit = *number;
    return {};
  });
}
void satchel_write_abort(satchel_write* write) { delete write; }

satchel_status satchel_write_create(satchel_write* write, satchel_slice collection, satchel_id* out,
                                    satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write, out)) return missing();
    *out = satchel_id{};
    auto id = write->scope->create(view(collection));
    if (!id) return id.error();
    std::memcpy(out->text, id->data(), std::min(id->size(), sizeof(out->text) - 1));
    return {};
  });
}
satchel_status satchel_write_create_as(satchel_write* write, satchel_slice collection,
                                       satchel_slice id, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->create_as(view(collection), view(id));
  });
}
satchel_status satchel_write_set(satchel_write* write, satchel_slice collection, satchel_slice id,
                                 satchel_slice path, satchel_slice json, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set(view(collection), view(id), view(path), view(json), Form::kJson);
  });
}
satchel_status satchel_write_set_text(satchel_write* write, satchel_slice collection,
                                      satchel_slice id, satchel_slice path, satchel_slice text,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set(view(collection), view(id), view(path), view(text), Form::kTyped);
  });
}
satchel_status satchel_write_put(satchel_write* write, satchel_slice collection, satchel_slice id,
                                 satchel_slice fields_json, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->put(view(collection), view(id), view(fields_json));
  });
}
satchel_status satchel_write_add(satchel_write* write, satchel_slice collection, satchel_slice id,
                                 satchel_slice field, int64_t increment, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->add(view(collection), view(id), view(field), increment);
  });
}
satchel_status satchel_write_set_add(satchel_write* write, satchel_slice collection,
                                     satchel_slice id, satchel_slice field, satchel_slice json,
                                     satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set_add(view(collection), view(id), view(field), view(json), Form::kJson);
  });
}
satchel_status satchel_write_set_remove(satchel_write* write, satchel_slice collection,
                                        satchel_slice id, satchel_slice field, satchel_slice json,
                                        satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set_remove(view(collection), view(id), view(field), view(json),
                                    Form::kJson);
  });
}
satchel_status satchel_write_log_append(satchel_write* write, satchel_slice collection,
                                        satchel_slice id, satchel_slice field, satchel_slice json,
                                        satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->log_append(view(collection), view(id), view(field), view(json));
  });
}
satchel_status satchel_write_delete(satchel_write* write, satchel_slice collection,
                                    satchel_slice id, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->erase(view(collection), view(id));
  });
}
satchel_status satchel_write_restore(satchel_write* write, satchel_slice collection,
                                     satchel_slice id, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->restore(view(collection), view(id));
  });
}
satchel_status satchel_write_restore_value(satchel_write* write, satchel_slice collection,
                                           satchel_slice id, satchel_slice field, satchel_slice dot,
                                           satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->restore_value(view(collection), view(id), view(field), view(dot));
  });
}
satchel_status satchel_write_resolve(satchel_write* write, satchel_slice collection,
                                     satchel_slice id, satchel_slice path, satchel_slice json,
                                     satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->resolve(view(collection), view(id), view(path), view(json), Form::kJson);
  });
}
satchel_status satchel_write_resolve_text(satchel_write* write, satchel_slice collection,
                                          satchel_slice id, satchel_slice path, satchel_slice text,
                                          satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->resolve(view(collection), view(id), view(path), view(text), Form::kTyped);
  });
}
satchel_status satchel_write_set_add_text(satchel_write* write, satchel_slice collection,
                                          satchel_slice id, satchel_slice field, satchel_slice text,
                                          satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set_add(view(collection), view(id), view(field), view(text), Form::kTyped);
  });
}
satchel_status satchel_write_set_remove_text(satchel_write* write, satchel_slice collection,
                                             satchel_slice id, satchel_slice field,
                                             satchel_slice text, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write)) return missing();
    return write->scope->set_remove(view(collection), view(id), view(field), view(text),
                                    Form::kTyped);
  });
}
satchel_status satchel_write_get(satchel_write* write, satchel_slice collection, satchel_slice id,
                                 satchel_record** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(write, out)) return missing();
    *out = nullptr;
    return give_record(write->scope->get(view(collection), view(id)), out);
  });
}

}  // extern "C"
