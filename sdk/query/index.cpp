#include "sdk/query/index.hpp"

#include <algorithm>
#include <numeric>

#include "sdk/query/evaluate.hpp"
#include "sdk/query/index_key.hpp"

namespace satchel::sdk {
namespace {

// An index whose changed records are more than this and a quarter of all is built anew.
constexpr std::size_t kChangedMin = 512;

std::string name_of_path(const Path& path) {
  std::string name = path.field->name;
  if (path.map_key) name += '\x1F' + *path.map_key;
  for (const std::uint16_t member : path.members) name += '.' + std::to_string(member);
  return name;
}

// The fields that a question is about, nothing where it is about the whole record.
std::optional<sync::FieldSelection> selection_of(const IndexQuestion& question) {
  sync::FieldSelection selection;
  const auto add = [&](const schema::FieldDef& field) {
    selection.fields.push_back(field.id);
    selection.classes[static_cast<std::size_t>(field.privacy)] = true;
  };
  if (question.kind == IndexKind::kWords) {
    for (const schema::FieldDef& field : question.collection->fields) {
      if (field.searchable) add(field);
    }
  } else if (question.path.root == Path::Root::kField) {
    add(*question.path.field);
  } else {
    return std::nullopt;
  }
  std::sort(selection.fields.begin(), selection.fields.end());
  return selection;
}

}  // namespace

Result<Indexes::Built> Indexes::build(const IndexQuestion& question,
                                      std::string_view purpose) const {
  Built built;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> rows;
  const auto add_record = [&](const sync::Record& record) {
    const std::size_t before = rows.size();
    const auto owner = static_cast<std::uint32_t>(built.ids.size());
    if (question.kind == IndexKind::kWords) {
      for (const std::string& word : words_of(*question.collection, record)) {
        rows.emplace_back(prefix_key(word), owner);
      }
    } else {
      for (const Value& value : values_at(question.path, record)) {
        rows.emplace_back(index_key(question.kind, value), owner);
      }
    }
    if (rows.size() > before) built.ids.push_back(record.id);
    return true;
  };
  const auto selection = selection_of(question);
  SATCHEL_TRY(visit_(question.collection->id, purpose, selection ? &*selection : nullptr,
                     add_record, built.unreadable));
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  built.keys.reserve(rows.size());
  built.owners.reserve(rows.size());
  for (const auto& [key, owner] : rows) {
    built.keys.push_back(key);
    built.owners.push_back(owner);
  }
  built.ids.shrink_to_fit();
  return built;
}

Result<std::vector<RecordId>> Indexes::candidates(const IndexQuestion& question,
                                                  std::string_view purpose,
                                                  std::vector<sync::UnreadableRecord>& unreadable) {
  Name name{std::string{purpose}, question.collection->id, question.kind,
            question.kind == IndexKind::kWords ? std::string{} : name_of_path(question.path)};
  auto found = built_.find(name);
  if (found == built_.end()) {
    auto built = build(question, purpose);
    if (!built) return built.error();
    found = built_.emplace(std::move(name), std::move(*built)).first;
  }
  const Built& built = found->second;
  // One that has been written anew since can be read, or says that it cannot.
  for (const sync::UnreadableRecord& each : built.unreadable) {
    if (!built.changed.contains(each.id)) unreadable.push_back(each);
  }
  std::vector<RecordId> ids{built.changed.begin(), built.changed.end()};
  for (const auto& [low, high] : question.ranges) {
    const auto begin = std::lower_bound(built.keys.begin(), built.keys.end(), low);
    const auto end = std::upper_bound(begin, built.keys.end(), high);
    for (auto at = begin; at != end; ++at) {
      const auto row = static_cast<std::size_t>(at - built.keys.begin());
      ids.push_back(built.ids[built.owners[row]]);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

void Indexes::on_change(std::span<const sync::RecordChange> changes) {
  for (auto at = built_.begin(); at != built_.end();) {
    Built& built = at->second;
    for (const sync::RecordChange& change : changes) {
      if (change.collection == std::get<CollectionId>(at->first)) built.changed.insert(change.id);
    }
    const bool stale = built.changed.size() > kChangedMin + built.ids.size() / 4;
    at = stale ? built_.erase(at) : std::next(at);
  }
}

}  // namespace satchel::sdk
