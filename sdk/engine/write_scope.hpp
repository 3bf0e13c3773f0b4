// One write scope of a replica: what hosts say in words and JSON, turned into one commit.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "sdk/engine/replica.hpp"

namespace satchel::sdk {

// Holds the replica's gate from its making to its end. Thread-bound: calls from another thread are
// kUsage. Errors of the writes are those of sync::CommitBuilder.
class WriteScope {
 public:
  ~WriteScope();
  WriteScope(const WriteScope&) = delete;
  WriteScope& operator=(const WriteScope&) = delete;

  // A value as JSON, or as a person types it.
  enum class Form : std::uint8_t { kJson, kTyped };

  Result<std::string> create(std::string_view collection);
  Status create_as(std::string_view collection, std::string_view id);
  // `path`: a field, a member of its struct, an entry of its map. Lists for sets add their
  // elements, objects for maps set their entries, null clears either.
  Status set(std::string_view collection, std::string_view id, std::string_view path,
             std::string_view text, Form form);
  Status put(std::string_view collection, std::string_view id, std::string_view fields_json);
  Status add(std::string_view collection, std::string_view id, std::string_view field,
             std::int64_t increment);
  Status set_add(std::string_view collection, std::string_view id, std::string_view field,
                 std::string_view text, Form form);
  Status set_remove(std::string_view collection, std::string_view id, std::string_view field,
                    std::string_view text, Form form);
  Status log_append(std::string_view collection, std::string_view id, std::string_view field,
                    std::string_view json);
  Status erase(std::string_view collection, std::string_view id);
  Status restore(std::string_view collection, std::string_view id);
  Status restore_value(std::string_view collection, std::string_view id, std::string_view field,
                       std::string_view dot);
  Status resolve(std::string_view collection, std::string_view id, std::string_view path,
                 std::string_view text, Form form);
  Result<std::string> get(std::string_view collection, std::string_view id);

  // Ends the scope whatever the answer.
  Result<std::uint64_t> commit();
  [[nodiscard]] bool is_mine() const { return thread_ == std::this_thread::get_id(); }

 private:
  friend class Replica;
  WriteScope(Replica& replica, std::unique_ptr<sync::EdgeWrite> write)
      : replica_(replica), write_(std::move(write)), thread_(std::this_thread::get_id()) {}

  // Where a path leads: a field and what is left of the path.
  struct Target {
    const schema::CollectionDef* collection = nullptr;
    const schema::FieldDef* field = nullptr;
    RecordId id;
    std::string_view rest;
  };
  Result<Target> find_target(std::string_view collection, std::string_view id,
                             std::string_view path) const;
  Result<Value> parse(const schema::FieldDef& field, const schema::Type& type,
                      std::string_view text, Form form) const;
  Result<Value> shown_value(const Target& target, const Bytes* key);
  Status write_plain(const Target& target, std::string_view text, Form form, bool resolves);
  Status write_entry(const Target& target, std::string_view text, Form form);
  Status write_elements(const Target& target, std::string_view text, Form form);
  Status write_entries(const Target& target, std::string_view text);
  Status clear_all(const Target& target);

  Replica& replica_;
  std::unique_ptr<sync::EdgeWrite> write_;
  std::thread::id thread_;
};

}  // namespace satchel::sdk
