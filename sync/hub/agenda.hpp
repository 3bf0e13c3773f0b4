// The agenda: whose work a record is, and on which day, so that a device which has much to catch up
// with gets today's first (sync.md, the priority slice). Collections with $agenda have one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/hub/rows.hpp"

namespace satchel::sync {

struct AgendaPlace {
  std::string owner;
  std::int64_t day = 0;  // Days since 1970, UTC.
  friend bool operator==(const AgendaPlace&, const AgendaPlace&) = default;
};

// Where the record stands; nothing where its collection has no agenda, or it no time or no owner.
std::optional<AgendaPlace> agenda_place(const schema::CollectionDef& collection,
                                        const Record& record);
// Whether a write of `field` may move a record in the agenda.
bool moves_in_agenda(const schema::CollectionDef& collection, FieldId field);

// Rows are keyed by a hash under `key`: owner and day are personal, and keys are not sealed.
// Errors: those of the store.
Status leave_agenda(WriteTxn& txn, ByteView key, const schema::CollectionDef& collection,
                    const AgendaPlace& place, RecordNumber number);
Status enter_agenda(WriteTxn& txn, ByteView key, const schema::CollectionDef& collection,
                    const AgendaPlace& place, RecordNumber number);

// The records of `user`'s day and those that they name, each once. A day lasts 48 hours on earth,
// so the days around the server's own count as today. At most kAgendaRecordsMax.
inline constexpr std::size_t kAgendaRecordsMax = 512;
Result<std::vector<RecordNumber>> agenda_of(Hub& hub, ReadTxn& txn, ByteView key,
                                            const schema::Catalog& catalog, const std::string& user,
                                            std::int64_t now_us);

}  // namespace satchel::sync
