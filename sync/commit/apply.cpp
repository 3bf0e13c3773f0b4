// The one place where increments, candidates and appends become register states.
#include "schema/model/varint.hpp"
#include "sync/commit/body.hpp"
#include "sync/merge/compare.hpp"
#include "sync/merge/total.hpp"

namespace satchel::sync {
namespace {

// The author's own register holds one sibling; two only where a fork was settled: the later write
// speaks.
const Sibling* last_sibling(const Register& own) {
  const Sibling* last = nullptr;
  for (const Sibling& sibling : own.siblings) {
    if (last == nullptr || sibling.dot.commit >= last->dot.commit) last = &sibling;
  }
  return last;
}

Bytes sum_of(ByteView previous, ByteView increment) {
  const auto before = decode_value(previous);
  const auto added = decode_value(increment);
  if (!before) return Bytes{increment};
  if (!added) return Bytes{previous};
  return encode_value(saturated_sum(*before, *added));
}

// What the author's own register holds after `write`.
Bytes own_value(const Register& own, const RegisterWrite& write) {
  const Sibling* previous = last_sibling(own);
  if (previous == nullptr || is_null_bytes(previous->value)) return write.value;
  if (write.op == WriteOp::kIncrement) return sum_of(previous->value, write.value);
  if (is_null_bytes(write.value)) return previous->value;
  const auto order = compare_encoded(write.value, previous->value);
  const bool beats = write.op == WriteOp::kMaximum ? order > 0 : order < 0;
  return beats ? write.value : previous->value;
}

}  // namespace

Bytes completed_key(const RegisterWrite& write, const Dot& dot) {
  switch (write.op) {
    case WriteOp::kState: return write.key;
    case WriteOp::kIncrement:
    case WriteOp::kMaximum:
    case WriteOp::kMinimum: return write.key + Bytes{dot.replica.bytes()};
    case WriteOp::kAppend: {
      Bytes key{dot.replica.bytes()};
      append_u64_big(key, dot.commit);
      return key + write.key;
    }
  }
  return write.key;
}

Entry& apply_write(Record& record, const RegisterWrite& write, const Dot& dot, Stamp stamp) {
  Entry& entry = record.at(write.field, completed_key(write, dot), write.privacy);
  switch (write.op) {
    case WriteOp::kState:
    case WriteOp::kAppend:
      if (entry.state.context.empty()) {
        entry.state = written(dot, stamp, write.value, write.shown);
      } else {
        join_with(entry.state, written(dot, stamp, write.value, write.shown));
      }
      break;
    case WriteOp::kIncrement:
    case WriteOp::kMaximum:
    case WriteOp::kMinimum:
      // Nobody else writes here: what the author was shown of it is what it holds.
      entry.state = written(dot, stamp, own_value(entry.state, write), entry.state.context);
      break;
  }
  entry.withheld = false;
  return entry;
}

}  // namespace satchel::sync
