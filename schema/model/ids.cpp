#include "schema/model/ids.hpp"

namespace satchel {

std::string to_text(const RecordId& id) {
  std::string text = to_hex(id.bytes());
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

Result<RecordId> parse_record_id(std::string_view text) {
  std::string digits;
  if (text.size() == 36) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
      if (hyphen != (text[i] == '-')) return Error{Errc::kInvalidArgument, "a record id is a UUID"};
      if (!hyphen) digits += text[i];
    }
    text = digits;
  }
  Bytes bytes;
  if (text.size() != 32 || !from_hex(text, bytes)) {
    return Error{Errc::kInvalidArgument,
                 "a record id is a UUID such as 018f3c5e-7b1a-7c3d-9e4f-0123456789ab"};
  }
  auto id = RecordId::from_bytes(bytes);
  if (!id) return id.error();
  return *id;
}

std::string_view name_of(PrivacyClass privacy_class) {
  switch (privacy_class) {
    case PrivacyClass::kStructure: return "structure";
    case PrivacyClass::kPublic: return "public";
    case PrivacyClass::kCompany: return "company";
    case PrivacyClass::kBusinessContact: return "businessContact";
    case PrivacyClass::kPersonal: return "personal";
    case PrivacyClass::kBehavioural: return "behavioural";
    case PrivacyClass::kFinancial: return "financial";
    case PrivacyClass::kSpecial: return "special";
    case PrivacyClass::kEmployee: return "employee";
  }
  return "unknown";
}

}  // namespace satchel
