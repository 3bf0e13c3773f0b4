// What the server's schema says of one collection: what an import may write.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/result.hpp"
#include "server/ctl/client.hpp"

namespace satchel::server {

// Value type; thread-compatible.
class CollectionFields {
 public:
  // kCollectionUnknown; what the server answers.
  static Result<CollectionFields> get(AdminClient& client, const std::string& collection) {
    const auto answer = client.get("/admin/v1/schema");
    if (!answer) return answer.error();
    return read(*answer, collection);
  }
  // From the answer. kCollectionUnknown; kFrameMalformed.
  static Result<CollectionFields> read(ByteView answer, const std::string& collection);

  // Of a path ("name", "name.given", "externalIds.erp") what is wrong with it; empty: nothing.
  [[nodiscard]] std::string complaint(std::string_view path) const;
  [[nodiscard]] bool has(std::string_view field) const;
  // Whether a cell of a column may be a JSON list or object: elements, entries, a whole struct.
  [[nodiscard]] bool takes_json(std::string_view path) const;
  // Whether the schema has another collection of this name, and it this field ("id" always).
  [[nodiscard]] bool has_key(std::string_view collection, std::string_view key) const;

 private:
  struct Field {
    bool entries = false;  // A set, log or map.
    bool map = false;
    bool plain = true;                 // Neither entries, nor list, nor struct.
    std::vector<std::string> members;  // Of a struct.
  };
  using Fields = std::map<std::string, Field, std::less<>>;

  std::string collection_;
  std::map<std::string, Fields, std::less<>> collections_;
};

}  // namespace satchel::server
