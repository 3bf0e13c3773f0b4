// Replicas and read scopes.
#include "sdk/c/handles.hpp"
#include "sync/policy/decide.hpp"

using namespace satchel;
using namespace satchel::c;

namespace {

std::unique_ptr<satchel_replica> handle_of(std::unique_ptr<sdk::Replica> engine) {
  auto handle = std::make_unique<satchel_replica>();
  handle->engine = std::move(engine);
  return handle;
}

Status give_report(Result<sdk::VerifyReport> report, satchel_text** out) {
  if (!report) return report.error();
  SATCHEL_TRY(give(Result<std::string>{std::move(report->json)}, out));
  return std::move(report->sound);
}

sdk::QueryOptions to_options(const satchel_query_options* options) {
  if (options == nullptr || options->struct_size < sizeof(satchel_query_options)) return {};
  return {std::string{view(options->order)}, options->limit};
}

}  // namespace

extern "C" {

satchel_status satchel_replica_enroll(const satchel_config* config, satchel_slice code,
                                      satchel_slice device_name, uint32_t timeout_ms,
                                      satchel_replica** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(out)) return missing();
    *out = nullptr;
    auto made = to_config(config);
    if (!made) return made.error();
    const sdk::milliseconds timeout{timeout_ms == 0 ? 30'000 : timeout_ms};
    auto engine = sdk::Replica::enroll(std::move(*made), view(code), view(device_name), timeout);
    if (!engine) return engine.error();
    *out = handle_of(std::move(*engine)).release();
    return {};
  });
}

satchel_status satchel_replica_open(const satchel_config* config, satchel_replica** out,
                                    satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(out)) return missing();
    *out = nullptr;
    auto made = to_config(config);
    if (!made) return made.error();
    auto engine = sdk::Replica::open(std::move(*made));
    if (!engine) return engine.error();
    *out = handle_of(std::move(*engine)).release();
    return {};
  });
}

satchel_status satchel_replica_close(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (replica == nullptr) return {};
    if (replica->engine->in_callback()) return Error{Errc::kUsage, "not from a callback"};
    delete replica;
    return {};
  });
}

satchel_status satchel_replica_suspend(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->suspend();
  });
}
satchel_status satchel_replica_resume(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->resume();
  });
}
satchel_status satchel_wipe(const satchel_config* config, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    auto made = to_config(config);
    if (!made) return made.error();
    return sdk::Replica::wipe(*made);
  });
}
satchel_status satchel_replica_rotate_keys(satchel_replica* replica, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    auto strength = replica->engine->rotate_keys();
    if (!strength) return strength.error();
    return {};
  });
}

satchel_status satchel_replica_verify(satchel_replica* replica, satchel_text** out,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    return give_report(replica->engine->verify(), out);
  });
}
satchel_status satchel_replica_heal(satchel_replica* replica, satchel_text** out,
                                    satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    return give(replica->engine->heal(), out);
  });
}
satchel_status satchel_replica_narrow(satchel_replica* replica, uint32_t days, uint64_t* out_gone,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out_gone)) return missing();
    auto gone = replica->engine->narrow(days);
    if (!gone) return gone.error();
    *out_gone = *gone;
    return {};
  });
}
satchel_status satchel_verify(const satchel_config* config, satchel_text** out,
                              satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(out)) return missing();
    *out = nullptr;
    auto made = to_config(config);
    if (!made) return made.error();
    return give_report(sdk::verify_home(*made), out);
  });
}
satchel_status satchel_replica_status(satchel_replica* replica, satchel_text** out,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    return give(replica->engine->status(), out);
  });
}
satchel_status satchel_replica_trusted_now(satchel_replica* replica, int64_t* out_us,
                                           satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out_us)) return missing();
    auto now = replica->engine->trusted_now_us();
    *out_us = now ? *now : 0;
    if (!now) return now.error();
    return {};
  });
}
satchel_status satchel_replica_schema(satchel_replica* replica, satchel_text** out,
                                      satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    return give(replica->engine->schema(), out);
  });
}

// ---- Reading ------------------------------------------------------------------------------------

satchel_status satchel_read_begin(satchel_replica* replica, satchel_slice purpose,
                                  satchel_read** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica, out)) return missing();
    *out = nullptr;
    if (!sync::is_known_purpose(view(purpose)))
      return Error{Errc::kPolicyDenied, "unknown purpose"};
    auto scope = std::make_unique<satchel_read>();
    scope->engine = replica->engine.get();
    scope->purpose = std::string{view(purpose)};
    *out = scope.release();
    return {};
  });
}
void satchel_read_end(satchel_read* read) { delete read; }

satchel_status satchel_read_get(satchel_read* read, satchel_slice collection, satchel_slice id,
                                satchel_record** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give_record(read->engine->get(read->purpose, view(collection), view(id)), out);
  });
}
satchel_status satchel_read_query(satchel_read* read, satchel_slice collection,
                                  satchel_slice expression, const satchel_query_options* options,
                                  satchel_list** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(
        read->engine->query(read->purpose, view(collection), view(expression), to_options(options)),
        out);
  });
}
satchel_status satchel_read_search(satchel_read* read, satchel_slice text, satchel_slice collection,
                                   uint32_t limit, satchel_list** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(
        read->engine->search(read->purpose, view(text), view(collection), limit == 0 ? 100 : limit),
        out);
  });
}
satchel_status satchel_read_conflicts(satchel_read* read, satchel_slice collection,
                                      satchel_list** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->conflicts(read->purpose, view(collection)), out);
  });
}
satchel_status satchel_read_explain(satchel_read* read, satchel_slice collection, satchel_slice id,
                                    satchel_slice field, satchel_list** out,
                                    satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->explain(read->purpose, view(collection), view(id), view(field)), out);
  });
}
satchel_status satchel_read_dump(satchel_read* read, int32_t clocks, satchel_list** out,
                                 satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->dump(read->purpose, clocks != 0), out);
  });
}
satchel_status satchel_read_pending(satchel_read* read, satchel_list** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->pending(), out);
  });
}
satchel_status satchel_read_pending_item(satchel_read* read, uint64_t commit, satchel_text** out,
                                         satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->pending_item(commit), out);
  });
}
satchel_status satchel_read_inbox(satchel_read* read, satchel_list** out, satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->inbox(), out);
  });
}
satchel_status satchel_read_inbox_item(satchel_read* read, uint64_t item, satchel_text** out,
                                       satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(read, out)) return missing();
    *out = nullptr;
    return give(read->engine->inbox_item(item), out);
  });
}
satchel_status satchel_inbox_retry(satchel_replica* replica, uint64_t item, uint64_t* commit,
                                   satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    auto number = replica->engine->inbox_retry(item);
    if (commit != nullptr) *commit = number ? *number : 0;
    if (!number) return number.error();
    return {};
  });
}
satchel_status satchel_inbox_discard(satchel_replica* replica, uint64_t item,
                                     satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(replica)) return missing();
    return replica->engine->inbox_discard(item);
  });
}

}  // extern "C"
