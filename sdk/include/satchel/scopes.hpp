// Satchel, C++: read and write scopes. Included by satchel.hpp.
#pragma once

#include <satchel/record.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace satchel {
inline namespace v1 {

struct QueryOptions {
  std::string order{};  // "name,-createdAt"
  std::uint32_t limit = 0;
};

// A read scope: what `purpose` may see. A list may lack what is damaged: List::damage() says so.
// Thread-safe; ends before its replica does.
class Read {
 public:
  explicit Read(satchel_read* read) : read_(read) {}

  Result<Record> get(std::string_view collection, std::string_view id) const {
    return detail::made<Record, satchel_record>([&](auto** out, auto** error) {
      return satchel_read_get(read_.get(), detail::slice(collection), detail::slice(id), out,
                              error);
    });
  }
  Result<List> query(std::string_view collection, std::string_view expression,
                     const QueryOptions& options = {}) const {
    satchel_query_options given = SATCHEL_QUERY_OPTIONS_INIT;
    given.limit = options.limit;
    given.order = detail::slice(options.order);
    return rows([&](auto** out, auto** error) {
      return satchel_read_query(read_.get(), detail::slice(collection), detail::slice(expression),
                                &given, out, error);
    });
  }
  Result<List> search(std::string_view text, std::string_view collection = {},
                      std::uint32_t limit = 0) const {
    return rows([&](auto** out, auto** error) {
      return satchel_read_search(read_.get(), detail::slice(text), detail::slice(collection), limit,
                                 out, error);
    });
  }
  Result<List> conflicts(std::string_view collection = {}) const {
    return rows([&](auto** out, auto** error) {
      return satchel_read_conflicts(read_.get(), detail::slice(collection), out, error);
    });
  }
  Result<List> explain(std::string_view collection, std::string_view id,
                       std::string_view field = {}) const {
    return rows([&](auto** out, auto** error) {
      return satchel_read_explain(read_.get(), detail::slice(collection), detail::slice(id),
                                  detail::slice(field), out, error);
    });
  }
  Result<List> dump(bool clocks = false) const {
    return rows([&](auto** out, auto** error) {
      return satchel_read_dump(read_.get(), clocks ? 1 : 0, out, error);
    });
  }
  Result<List> pending() const {
    return rows(
        [&](auto** out, auto** error) { return satchel_read_pending(read_.get(), out, error); });
  }
  Result<List> inbox() const {
    return rows(
        [&](auto** out, auto** error) { return satchel_read_inbox(read_.get(), out, error); });
  }
  Result<std::string> pending(std::uint64_t commit) const {
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = satchel_read_pending_item(read_.get(), commit, &text, &error);
    return detail::text_of(status, text, error);
  }
  Result<std::string> inbox(std::uint64_t item) const {
    satchel_text* text = nullptr;
    satchel_error* error = nullptr;
    const auto status = satchel_read_inbox_item(read_.get(), item, &text, &error);
    return detail::text_of(status, text, error);
  }

 private:
  template <class Call>
  static Result<List> rows(Call&& call) {
    satchel_list* list = nullptr;
    satchel_error* error = nullptr;
    const satchel_status status = call(&list, &error);
    if (list == nullptr) return Error{status, error};
    if (status != SATCHEL_OK) return List{list, Error{status, error}};
    return List{list};
  }
  detail::Owned<satchel_read, satchel_read_end> read_;
};

// A write scope: one commit. Bound to the thread that began it; rolled back unless committed.
class Write {
 public:
  explicit Write(satchel_write* write) : write_(write) {}

  Result<Ref> create(std::string_view collection) {
    satchel_id id{};
    satchel_error* error = nullptr;
    const auto status = satchel_write_create(write_.get(), detail::slice(collection), &id, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return Ref{std::string{collection}, id.text};
  }
  Status create(const Ref& as) {
    return checked(
        [&](auto** e) { return satchel_write_create_as(write_.get(), c(as), i(as), e); });
  }
  Status set(const Ref& ref, std::string_view path, std::string_view json) {
    return checked([&](auto** e) {
      return satchel_write_set(write_.get(), c(ref), i(ref), s(path), s(json), e);
    });
  }
  Status set_text(const Ref& ref, std::string_view path, std::string_view typed) {
    return checked([&](auto** e) {
      return satchel_write_set_text(write_.get(), c(ref), i(ref), s(path), s(typed), e);
    });
  }
  Status put(const Ref& ref, std::string_view fields_json) {
    return checked([&](auto** e) {
      return satchel_write_put(write_.get(), c(ref), i(ref), s(fields_json), e);
    });
  }
  Status add(const Ref& ref, std::string_view field, std::int64_t increment) {
    return checked([&](auto** e) {
      return satchel_write_add(write_.get(), c(ref), i(ref), s(field), increment, e);
    });
  }
  Status set_add(const Ref& ref, std::string_view field, std::string_view json) {
    return checked([&](auto** e) {
      return satchel_write_set_add(write_.get(), c(ref), i(ref), s(field), s(json), e);
    });
  }
  Status set_remove(const Ref& ref, std::string_view field, std::string_view json) {
    return checked([&](auto** e) {
      return satchel_write_set_remove(write_.get(), c(ref), i(ref), s(field), s(json), e);
    });
  }
  Status set_add_text(const Ref& ref, std::string_view field, std::string_view typed) {
    return checked([&](auto** e) {
      return satchel_write_set_add_text(write_.get(), c(ref), i(ref), s(field), s(typed), e);
    });
  }
  Status set_remove_text(const Ref& ref, std::string_view field, std::string_view typed) {
    return checked([&](auto** e) {
      return satchel_write_set_remove_text(write_.get(), c(ref), i(ref), s(field), s(typed), e);
    });
  }
  Status log_append(const Ref& ref, std::string_view field, std::string_view json) {
    return checked([&](auto** e) {
      return satchel_write_log_append(write_.get(), c(ref), i(ref), s(field), s(json), e);
    });
  }
  Status erase(const Ref& ref) {
    return checked([&](auto** e) { return satchel_write_delete(write_.get(), c(ref), i(ref), e); });
  }
  Status restore(const Ref& ref) {
    return checked(
        [&](auto** e) { return satchel_write_restore(write_.get(), c(ref), i(ref), e); });
  }
  Status restore_value(const Ref& ref, std::string_view field, std::string_view dot) {
    return checked([&](auto** e) {
      return satchel_write_restore_value(write_.get(), c(ref), i(ref), s(field), s(dot), e);
    });
  }
  Status resolve(const Ref& ref, std::string_view path, std::string_view json) {
    return checked([&](auto** e) {
      return satchel_write_resolve(write_.get(), c(ref), i(ref), s(path), s(json), e);
    });
  }
  Status resolve_text(const Ref& ref, std::string_view path, std::string_view typed) {
    return checked([&](auto** e) {
      return satchel_write_resolve_text(write_.get(), c(ref), i(ref), s(path), s(typed), e);
    });
  }
  Result<Record> get(const Ref& ref) {
    return detail::made<Record, satchel_record>([&](auto** out, auto** error) {
      return satchel_write_get(write_.get(), c(ref), i(ref), out, error);
    });
  }
  // Ends the scope. The commit's number; 0 where nothing was written.
  Result<std::uint64_t> commit() {
    std::uint64_t number = 0;
    satchel_error* error = nullptr;
    const auto status = satchel_write_commit(write_.release(), &number, &error);
    if (status != SATCHEL_OK) return Error{status, error};
    return number;
  }

 private:
  static satchel_slice s(std::string_view text) { return detail::slice(text); }
  static satchel_slice c(const Ref& ref) { return detail::slice(ref.collection); }
  static satchel_slice i(const Ref& ref) { return detail::slice(ref.id); }
  template <class Call>
  static Status checked(Call&& call) {
    return detail::checked(std::forward<Call>(call));
  }
  detail::Owned<satchel_write, satchel_write_abort> write_;
};

}  // namespace v1
}  // namespace satchel
