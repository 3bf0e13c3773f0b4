// A record of a store whose bytes have rotted on the disk.
#pragma once

#include "sync/store/store.hpp"

namespace satchel::sim {

// What was there before. The memory engine authenticates nothing, so that a flipped bit could read
// as something else: what an engine that does would answer to any such bit is a row that does not
// open, and that is put in its place. Value type; thread-compatible.
class Rot {
 public:
  // `nameless`: its header too, and with it whose record it is. Nothing where the store does not
  // hold the record, or holds nothing of it but its header and that is to be left whole.
  static Result<std::optional<Rot>> begin(sync::Store& store, const RecordId& id, bool nameless);
  // Puts back what has rotted; what was written since beside it stays. Those of the store.
  Status repair(sync::Store& store) const;

  [[nodiscard]] const RecordId& id() const { return id_; }
  [[nodiscard]] RecordNumber number() const { return whole_.number; }
  [[nodiscard]] bool nameless() const { return nameless_; }

 private:
  RecordId id_;
  bool nameless_ = false;
  sync::StoredRecord whole_;
};

}  // namespace satchel::sim
