#include <algorithm>
#include <cstdlib>
#include <memory>

#include <utf8proc.h>

#include "sdk/query/index.hpp"
#include "sdk/query/index_key.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sdk {
namespace {

struct CFree {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

// Compatibility forms taken apart, marks dropped, case folded. Broken UTF-8 folds to nothing.
std::string fold(std::string_view text) {
  utf8proc_uint8_t* folded = nullptr;
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
                                     UTF8PROC_STRIPMARK | UTF8PROC_IGNORE);
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &folded, options);
  const std::unique_ptr<utf8proc_uint8_t, CFree> owned{folded};
  if (size < 0) return {};
  return {reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size)};
}

bool is_word_character(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
  }
}

void add_texts(const Value& value, std::vector<std::string>& words) {
  if (const auto* text = value.as<std::string>()) {
    for (std::string& word : fold_words(*text)) words.push_back(std::move(word));
  } else if (const auto* members = value.as<StructMembers>()) {
    for (const auto& [ordinal, member] : *members) add_texts(member, words);
  } else if (const auto* elements = value.as<ListElements>()) {
    for (const Value& element : *elements) add_texts(element, words);
  }
}

}  // namespace

std::vector<std::string> fold_words(std::string_view text) {
  const std::string folded = fold(text);
  std::vector<std::string> words;
  std::string word;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(folded.data());
  auto left = static_cast<utf8proc_ssize_t>(folded.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(at, left, &code_point);
    if (size <= 0) break;
    if (is_word_character(code_point)) {
      word.append(reinterpret_cast<const char*>(at), static_cast<std::size_t>(size));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
    at += size;
    left -= size;
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> words_of(const schema::CollectionDef& collection,
                                  const sync::Record& record) {
  std::vector<std::string> words;
  for (const schema::FieldDef& field : collection.fields) {
    if (!field.searchable) continue;
    const auto entries = record.of_field(field.id);
    if (entries.empty()) continue;
    const sync::FieldReading reading = sync::read_field(field, entries);
    if (reading.withheld || !reading.present) continue;
    if (auto value = decode_value(reading.value)) add_texts(*value, words);
    for (const sync::ShownItem& item : reading.items) {
      const bool keyed = field.rule == schema::Rule::kSet || field.rule == schema::Rule::kAccessSet;
      if (auto value = decode_value(keyed ? item.key : item.value)) add_texts(*value, words);
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

IndexQuestion word_question(const schema::CollectionDef& collection, std::string_view word) {
  IndexQuestion question;
  question.collection = &collection;
  question.kind = IndexKind::kWords;
  const std::string_view prefix = word.substr(0, 8);
  const std::uint64_t low = prefix_key(prefix);
  const auto free_bits = static_cast<unsigned>(64 - 8 * prefix.size());
  const std::uint64_t mask = free_bits == 0    ? 0
                             : free_bits == 64 ? UINT64_MAX
                                               : (1ULL << free_bits) - 1;
  question.ranges.emplace_back(low, low | mask);
  return question;
}

}  // namespace satchel::sdk
