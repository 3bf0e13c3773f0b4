#include "server/admin/dump.hpp"

#include <array>

#include "sync/merge/life.hpp"
#include "sync/record/canonical.hpp"

namespace satchel::server {
namespace {

// What policy keeps from a reader is withheld in what his devices should hold.
class Disclosure {
 public:
  Disclosure(const sync::Entitlement& entitlement, const std::string& purpose) {
    for (std::size_t i = 1; i < kPrivacyClassCount; ++i) {
      sync::AccessRequest request;
      request.actor = entitlement.user;
      request.role = entitlement.role;
      request.in_scope = true;
      request.privacy = static_cast<PrivacyClass>(i);
      request.purpose = purpose;
      permitted_[i] = sync::decide(sync::builtin_bundle(), request).permitted();
    }
    permitted_[0] = true;
  }
  void apply(sync::Record& record) const {
    std::erase_if(record.entries, [this](const sync::Entry& entry) {
      return !permitted_[static_cast<std::size_t>(entry.privacy)];
    });
  }

 private:
  std::array<bool, kPrivacyClassCount> permitted_{};
};

}  // namespace

Result<Bytes> dump(sync::Hub& hub, const DumpOptions& options) {
  std::optional<sync::Entitlement> entitlement;
  std::optional<Disclosure> disclosure;
  if (!options.user.empty()) {
    auto user = hub.find_user(options.user);
    if (!user) return user.error();
    if (!*user) return Error{Errc::kNotFound, "no user of this name"};
    entitlement = hub.entitlement_of(**user);
    disclosure.emplace(*entitlement, options.purpose);
  }
  const auto catalog = hub.catalog();
  Bytes lines;
  const auto visit = [&](const sync::Record& record) {
    const schema::CollectionDef* const collection = catalog->find(record.collection);
    if (collection == nullptr || !sync::is_alive(record, collection->life)) return true;
    sync::Record shown = record;
    if (disclosure) disclosure->apply(shown);
    lines += sync::canonical_record(*collection, shown, {.clocks = options.clocks});
    lines += '\n';
    return true;
  };
  SATCHEL_TRY(hub.visit_records(entitlement ? &*entitlement : nullptr, visit));
  return lines;
}

}  // namespace satchel::server
