// Errors, texts, lists, records: what calls hand out.
#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/secret.hpp"
#include "sdk/c/handles.hpp"

#ifndef SATCHEL_VERSION
#error "SATCHEL_VERSION is set by the build"
#endif

namespace satchel::c {

std::atomic<std::int64_t> Counted::alive{0};

satchel_status fail(Error error, satchel_error** out) noexcept {
  const auto code = static_cast<satchel_status>(error.code);
  if (out == nullptr) return code;
  try {
    auto made = std::make_unique<satchel_error>();
    made->message = error.message();
    made->error = std::move(error);
    *out = made.release();
  } catch (...) {
    *out = nullptr;
  }
  return code;
}

Status give_record(Result<std::string> json, satchel_record** out) {
  if (!json) return json.error();
  boost::system::error_code error;
  auto value = boost::json::parse(*json, error);
  if (error || !value.is_object())
    return Error{Errc::kInvalidArgument, "a record is a JSON object"};
  auto made = std::make_unique<satchel_record>();
  made->json = std::move(*json);
  made->whole = std::move(value.get_object());
  *out = made.release();
  return {};
}

}  // namespace satchel::c

using namespace satchel;
using namespace satchel::c;

const boost::json::value* satchel_record::find(std::string_view path) const {
  const boost::json::value* at = whole.if_contains("fields");
  while (at != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    if (const auto* array = at->if_array()) {
      std::size_t place = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), place);
      const bool whole_name = error == std::errc{} && end == name.data() + name.size();
      at = whole_name && place < array->size() ? &(*array)[place] : nullptr;
      continue;
    }
    const auto* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains({name.data(), name.size()});
  }
  return at;
}

namespace {

satchel_slice text_member(const satchel_record* record, const char* name) {
  const auto* value = record == nullptr ? nullptr : record->whole.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? satchel_slice{nullptr, 0} : satchel_slice{text->data(), text->size()};
}

}  // namespace

extern "C" {

const char* satchel_version(void) { return SATCHEL_VERSION; }

// The views of error.def are literals, so they end with a zero.
const char* satchel_status_name(satchel_status status) {
  if (status == SATCHEL_OK) return "ok";
  return wire_name(errc_from_number(status).value_or(Errc::kInternal)).data();
}
const char* satchel_status_sentence(satchel_status status) {
  if (status == SATCHEL_OK) return "It is done.";
  return sentence(errc_from_number(status).value_or(Errc::kInternal)).data();
}
int32_t satchel_status_exit(satchel_status status) {
  if (status == SATCHEL_OK) return 0;
  return exit_status(errc_from_number(status).value_or(Errc::kInternal));
}
satchel_slice satchel_str(const char* text) {
  return text == nullptr ? satchel_slice{nullptr, 0} : slice(text);
}

satchel_status satchel_error_code(const satchel_error* error) {
  return error == nullptr ? SATCHEL_OK : static_cast<satchel_status>(error->error.code);
}
satchel_slice satchel_error_message(const satchel_error* error) {
  return error == nullptr ? satchel_slice{nullptr, 0} : slice(error->message);
}
satchel_slice satchel_error_context(const satchel_error* error) {
  return error == nullptr ? satchel_slice{nullptr, 0} : slice(error->error.context);
}
int32_t satchel_error_retryable(const satchel_error* error) {
  if (error == nullptr) return 0;
  switch (error->error.code) {
    case Errc::kTimeout:
    case Errc::kCancelled:
    case Errc::kStoreFull:
    case Errc::kStoreBusy:
    case Errc::kStoreDiskFull:
    case Errc::kBackpressure:
    case Errc::kUnreachable:
    case Errc::kConnectionCut:
    case Errc::kTlsFailed:
    case Errc::kRestoredServer:
    case Errc::kEntropy:
    case Errc::kKeyProvider: return 1;
    default: return 0;
  }
}
void satchel_error_free(satchel_error* error) { delete error; }

void satchel_secure_zero(void* at, size_t size) {
  if (at != nullptr) crypto::secure_zero(at, size);
}
int64_t satchel_debug_live_handles(void) { return Counted::alive.load(); }

satchel_slice satchel_text_slice(const satchel_text* text) {
  return text == nullptr ? satchel_slice{nullptr, 0} : slice(text->text);
}
void satchel_text_free(satchel_text* text) { delete text; }

size_t satchel_list_count(const satchel_list* list) {
  return list == nullptr ? 0 : list->rows.rows.size();
}
satchel_slice satchel_list_at(const satchel_list* list, size_t index) {
  if (index >= satchel_list_count(list)) return {nullptr, 0};
  return slice(list->rows.rows[index]);
}
satchel_slice satchel_list_plan(const satchel_list* list) {
  return list == nullptr ? satchel_slice{nullptr, 0} : slice(list->rows.plan);
}
void satchel_list_free(satchel_list* list) { delete list; }

satchel_slice satchel_record_json(const satchel_record* record) {
  return record == nullptr ? satchel_slice{nullptr, 0} : slice(record->json);
}
satchel_kind satchel_record_kind(const satchel_record* record, satchel_slice path) {
  const auto* value = record == nullptr ? nullptr : record->find(view(path));
  if (value == nullptr) return SATCHEL_KIND_ABSENT;
  switch (value->kind()) {
    case boost::json::kind::bool_: return SATCHEL_KIND_BOOL;
    case boost::json::kind::int64: return SATCHEL_KIND_INTEGER;
    case boost::json::kind::uint64:
    case boost::json::kind::double_: return SATCHEL_KIND_REAL;
    case boost::json::kind::string: return SATCHEL_KIND_TEXT;
    case boost::json::kind::object: return SATCHEL_KIND_OBJECT;
    case boost::json::kind::array: return SATCHEL_KIND_ARRAY;
    case boost::json::kind::null: break;
  }
  return SATCHEL_KIND_ABSENT;
}
satchel_status satchel_record_text(const satchel_record* record, satchel_slice path,
                                   satchel_slice* out) {
  if (!all_given(record, out)) return SATCHEL_E_INVALID_ARGUMENT;
  const auto* value = record->find(view(path));
  *out = {nullptr, 0};
  if (value == nullptr) return SATCHEL_E_NOT_FOUND;
  const auto* text = value->if_string();
  if (text == nullptr) return SATCHEL_E_TYPE_MISMATCH;
  *out = {text->data(), text->size()};
  return SATCHEL_OK;
}
satchel_status satchel_record_integer(const satchel_record* record, satchel_slice path,
                                      int64_t* out) {
  if (!all_given(record, out)) return SATCHEL_E_INVALID_ARGUMENT;
  const auto* value = record->find(view(path));
  *out = 0;
  if (value == nullptr) return SATCHEL_E_NOT_FOUND;
  if (!value->is_int64()) return SATCHEL_E_TYPE_MISMATCH;
  *out = value->get_int64();
  return SATCHEL_OK;
}
satchel_status satchel_record_real(const satchel_record* record, satchel_slice path, double* out) {
  if (!all_given(record, out)) return SATCHEL_E_INVALID_ARGUMENT;
  const auto* value = record->find(view(path));
  *out = 0;
  if (value == nullptr) return SATCHEL_E_NOT_FOUND;
  if (!value->is_number()) return SATCHEL_E_TYPE_MISMATCH;
  *out = value->is_double()  ? value->get_double()
         : value->is_int64() ? static_cast<double>(value->get_int64())
                             : static_cast<double>(value->get_uint64());
  return SATCHEL_OK;
}
satchel_status satchel_record_bool(const satchel_record* record, satchel_slice path, int32_t* out) {
  if (!all_given(record, out)) return SATCHEL_E_INVALID_ARGUMENT;
  const auto* value = record->find(view(path));
  *out = 0;
  if (value == nullptr) return SATCHEL_E_NOT_FOUND;
  if (!value->is_bool()) return SATCHEL_E_TYPE_MISMATCH;
  *out = value->get_bool() ? 1 : 0;
  return SATCHEL_OK;
}
satchel_status satchel_record_value(const satchel_record* record, satchel_slice path,
                                    satchel_text** out) {
  return guarded(nullptr, [&]() -> Status {
    if (!all_given(record, out)) return missing();
    *out = nullptr;
    const auto* value = record->find(view(path));
    if (value == nullptr) return Error{Errc::kNotFound};
    return give(boost::json::serialize(*value), out);
  });
}
size_t satchel_record_count(const satchel_record* record, satchel_slice path) {
  const auto* value = record == nullptr ? nullptr : record->find(view(path));
  if (value == nullptr) return 0;
  if (const auto* array = value->if_array()) return array->size();
  const auto* object = value->if_object();
  return object == nullptr ? 0 : object->size();
}
satchel_slice satchel_record_name(const satchel_record* record, satchel_slice path, size_t index) {
  const auto* value = record == nullptr ? nullptr : record->find(view(path));
  const auto* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr || index >= object->size()) return {nullptr, 0};
  const auto name = (object->begin() + index)->key();
  return {name.data(), name.size()};
}
satchel_slice satchel_record_id(const satchel_record* record) { return text_member(record, "id"); }
satchel_slice satchel_record_collection(const satchel_record* record) {
  return text_member(record, "collection");
}
int32_t satchel_record_withheld(const satchel_record* record, satchel_slice field) {
  const auto* names = record == nullptr ? nullptr : record->whole.if_contains("withheld");
  if (names == nullptr || !names->is_array()) return 0;
  for (const auto& name : names->get_array()) {
    if (name.is_string() && name.get_string() == boost::json::string_view{field.data, field.size})
      return 1;
  }
  return 0;
}
void satchel_record_free(satchel_record* record) { delete record; }
satchel_status satchel_record_parse(satchel_slice json, satchel_record** out,
                                    satchel_error** error) {
  return guarded(error, [&]() -> Status {
    if (!all_given(out)) return missing();
    *out = nullptr;
    return give_record(std::string{view(json)}, out);
  });
}

}  // extern "C"
