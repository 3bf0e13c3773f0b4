// Satchel, C++: records and lists. Included by satchel.hpp.
#pragma once

#include <satchel/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace satchel {
inline namespace v1 {

// A record's id and its collection.
struct Ref {
  std::string collection;
  std::string id;
};

// A record as it was read. Movable; immutable.
class Record {
 public:
  explicit Record(satchel_record* record) : record_(record) {}
  static Result<Record> parse(std::string_view json) {
    return detail::made<Record, satchel_record>([&](satchel_record** out, satchel_error** error) {
      return satchel_record_parse(detail::slice(json), out, error);
    });
  }

  [[nodiscard]] std::string_view json() const {
    return detail::view(satchel_record_json(record_.get()));
  }
  [[nodiscard]] std::string id() const {
    return std::string{detail::view(satchel_record_id(record_.get()))};
  }
  [[nodiscard]] std::string collection() const {
    return std::string{detail::view(satchel_record_collection(record_.get()))};
  }
  [[nodiscard]] bool withheld(std::string_view field) const {
    return satchel_record_withheld(record_.get(), detail::slice(field)) != 0;
  }

  // One value of the record: record["address.city"].text_or("").
  class Value {
   public:
    Value(const satchel_record* record, std::string path)
        : record_(record), path_(std::move(path)) {}
    [[nodiscard]] satchel_kind kind() const {
      return satchel_record_kind(record_, detail::slice(path_));
    }
    explicit operator bool() const { return kind() != SATCHEL_KIND_ABSENT; }
    [[nodiscard]] std::string text_or(std::string_view other) const {
      satchel_slice text{};
      const auto status = satchel_record_text(record_, detail::slice(path_), &text);
      return std::string{status == SATCHEL_OK ? detail::view(text) : other};
    }
    [[nodiscard]] std::int64_t integer_or(std::int64_t other) const {
      std::int64_t number = 0;
      return satchel_record_integer(record_, detail::slice(path_), &number) == SATCHEL_OK ? number
                                                                                          : other;
    }
    [[nodiscard]] double real_or(double other) const {
      double number = 0;
      return satchel_record_real(record_, detail::slice(path_), &number) == SATCHEL_OK ? number
                                                                                       : other;
    }
    [[nodiscard]] bool bool_or(bool other) const {
      std::int32_t truth = 0;
      return satchel_record_bool(record_, detail::slice(path_), &truth) == SATCHEL_OK ? truth != 0
                                                                                      : other;
    }
    // Elements of an array or members of an object, named by their place or their name.
    [[nodiscard]] std::size_t size() const {
      return satchel_record_count(record_, detail::slice(path_));
    }
    [[nodiscard]] std::string name(std::size_t index) const {
      return std::string{detail::view(satchel_record_name(record_, detail::slice(path_), index))};
    }
    // "null" where it is absent.
    [[nodiscard]] std::string json() const {
      satchel_text* text = nullptr;
      if (satchel_record_value(record_, detail::slice(path_), &text) != SATCHEL_OK) return "null";
      std::string copy{detail::view(satchel_text_slice(text))};
      satchel_text_free(text);
      return copy;
    }

   private:
    const satchel_record* record_;
    std::string path_;
  };
  // Lives as long as the record.
  Value operator[](std::string_view path) const { return {record_.get(), std::string{path}}; }

 private:
  detail::Owned<satchel_record, satchel_record_free> record_;
};

// Rows of JSON.
class List {
 public:
  explicit List(satchel_list* list) : list_(list) {}
  List(satchel_list* list, std::optional<Error> damage) : list_(list), damage_(std::move(damage)) {}
  // Set where records that are damaged on this device are not among these rows: which, and what to
  // do about it. The list is whole where it is not set.
  [[nodiscard]] const std::optional<Error>& damage() const { return damage_; }
  [[nodiscard]] std::size_t size() const { return satchel_list_count(list_.get()); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::string_view operator[](std::size_t index) const {
    return detail::view(satchel_list_at(list_.get(), index));
  }
  [[nodiscard]] std::string_view plan() const {
    return detail::view(satchel_list_plan(list_.get()));
  }

 private:
  detail::Owned<satchel_list, satchel_list_free> list_;
  std::optional<Error> damage_;
};

}  // namespace v1
}  // namespace satchel
