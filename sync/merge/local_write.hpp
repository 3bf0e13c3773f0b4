// What an author makes of a field that he is shown: the states his writes travel as, and what he
// may write.
#pragma once

#include <optional>

#include "sync/merge/reading.hpp"

namespace satchel::sync {

// A value written over what its author was shown of the register: null where nothing was shown
// (withheld, evicted, not yet delivered), then the context is the dot alone. The dot covers the
// author's own earlier writes.
Register local_write(const Register* shown, const Dot& dot, Stamp stamp, Bytes value);

// The value to write where the rule of a map's values is max or min: a register that everybody
// writes must not lose the extreme that it shows. `value` itself under every other rule.
Bytes value_over(const schema::FieldDef& field, const Register* shown, Bytes value);

// The author's own register of a counter with `increment` added. kTypeMismatch where it is no
// number, kLimitExceeded where the total leaves 64 bits. `own` is null before his first increment.
Result<Register> apply_increment(const Register* own, ByteView increment, const Dot& dot,
                                 Stamp stamp);

// The author's own register of a max or min, after the extreme with `candidate` was taken.
// kTypeMismatch for null.
Result<Register> apply_candidate(schema::Rule rule, const Register* own, ByteView candidate,
                                 const Dot& dot, Stamp stamp);

// Whether writing `candidate` to a max or min field would change nothing, by what the server
// confirmed (`base`; never by pending writes, which may yet be refused).
bool is_reached(const schema::FieldDef& field, std::span<const Entry> base, ByteView candidate);

// Whether one write may lead from `shown` to `next`. With nothing shown the record starts: at the
// first stage, or where one move leads from there. Staying is always allowed (other members of the
// struct may change). kRuleMismatch names the two stages.
Status may_write_stage(const schema::StageTable& table, std::optional<std::uint8_t> shown,
                       std::uint8_t next);

// The same for a value over the register that its author is shown: of a contested one every
// sibling's stage may be chosen, or continued. kTypeMismatch for a value without a stage of the
// table, kRequiredMissing for a stage that asks for a reason (the struct's third member) without
// one.
Status may_write_stage(const schema::FieldDef& field, const Register* shown, ByteView value);

}  // namespace satchel::sync
