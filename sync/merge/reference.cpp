#include "sync/merge/reference.hpp"

#include <algorithm>

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

std::optional<std::int64_t> shown_time(const schema::FieldDef& field,
                                       std::span<const Entry> entries) {
  const FieldReading reading = read_field(field, entries);
  if (!reading.present) return std::nullopt;
  const auto value = decode_value(reading.value);
  const auto* us = value ? value->as<std::int64_t>() : nullptr;
  return us != nullptr ? std::optional{*us} : std::nullopt;
}

std::int64_t history_from(std::int64_t now_us, std::uint32_t days) {
  constexpr std::int64_t kDayUs = 86'400'000'000;
  if (days == 0) return 0;
  return std::max<std::int64_t>(1, (now_us / kDayUs - days) * kDayUs);
}

std::optional<RecordId> shown_reference(const schema::FieldDef& field, const Record& record) {
  const auto texts = shown_texts(field, record.of_field(field.id));
  if (texts.empty()) return std::nullopt;
  const auto id = parse_record_id(texts.front());
  return id ? std::optional<RecordId>{*id} : std::nullopt;
}

}  // namespace satchel::sync
