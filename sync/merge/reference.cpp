#include "sync/merge/reference.hpp"

#include "sync/merge/reading.hpp"

namespace satchel::sync {
namespace {

void add_text(ByteView encoded, std::vector<std::string>& texts) {
  const auto value = decode_value(encoded);
  const auto* text = value ? value->as<std::string>() : nullptr;
  if (text != nullptr && !text->empty()) texts.push_back(*text);
}

}  // namespace

std::vector<std::string> shown_texts(const schema::FieldDef& field,
                                     std::span<const Entry> entries) {
  std::vector<std::string> texts;
  const FieldReading reading = read_field(field, entries);
  if (reading.present && !reading.value.empty()) add_text(reading.value, texts);
  for (const ShownItem& item : reading.items) add_text(item.key, texts);
  return texts;
}

std::optional<RecordId> shown_reference(const schema::FieldDef& field, const Record& record) {
  const auto texts = shown_texts(field, record.of_field(field.id));
  if (texts.empty()) return std::nullopt;
  const auto id = parse_record_id(texts.front());
  return id ? std::optional<RecordId>{*id} : std::nullopt;
}

}  // namespace satchel::sync
