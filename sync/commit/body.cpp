#include "sync/commit/body.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "crypto/hash.hpp"
#include "schema/model/varint.hpp"
#include "sync/commit/body_form.hpp"

namespace satchel::sync {
namespace {

template <class T>
std::uint64_t index_in(const std::vector<T>& sorted, const T& one) {
  return static_cast<std::uint64_t>(std::lower_bound(sorted.begin(), sorted.end(), one) -
                                    sorted.begin());
}

// The ids that the body names, each once, in order.
struct Names {
  std::vector<ReplicaId> replicas;
  std::vector<CollectionId> collections;

  explicit Names(const CommitBody& body) {
    std::set<ReplicaId> replica_set;
    std::set<CollectionId> collection_set;
    for (const RecordWrite& record : body.records) {
      collection_set.insert(record.collection);
      for (const RegisterWrite& write : record.writes) {
        for (const Dot& dot : write.shown.entries()) replica_set.insert(dot.replica);
      }
    }
    replicas.assign(replica_set.begin(), replica_set.end());
    collections.assign(collection_set.begin(), collection_set.end());
  }
};

// Writes one class's part, in the order of the records.
class SectionWriter {
 public:
  explicit SectionWriter(const Names& names) : names_(names) {}

  void begin_run(std::uint64_t record, std::uint64_t write_count) {
    append_varint(runs_, record);
    append_varint(runs_, write_count);
    ++run_count_;
  }
  void add(const RegisterWrite& write) { append(runs_, write); }
  void append(Bytes& out, const RegisterWrite& write) {
    const bool same = write.shown == previous_shown_;
    append_u16(out, write.field);
    unsigned flags = static_cast<unsigned>(write.op);
    if (!write.key.empty()) flags |= body_form::kHasKey;
    if (same) flags |= body_form::kShownAsBefore;
    out += static_cast<char>(flags);
    if (!write.key.empty()) append_sized(out, write.key);
    append_sized(out, write.value);
    if (same) return;
    append_varint(out, write.shown.size());
    for (const Dot& dot : write.shown.entries()) {
      append_varint(out, index_in(names_.replicas, dot.replica));
      append_varint(out, dot.commit);
    }
    previous_shown_ = write.shown;
  }
  [[nodiscard]] Bytes finish() const {
    Bytes out;
    out += static_cast<char>(body_form::kFormat);
    append_varint(out, run_count_);
    return out + runs_;
  }

 private:
  const Names& names_;
  Bytes runs_;
  std::uint64_t run_count_ = 0;
  Context previous_shown_;
};

std::uint64_t count_of(const RecordWrite& record, PrivacyClass privacy) {
  return static_cast<std::uint64_t>(
      std::count_if(record.writes.begin(), record.writes.end(),
                    [&](const RegisterWrite& write) { return write.privacy == privacy; }));
}

Bytes encode_structure(const CommitBody& body, const Names& names) {
  Bytes out;
  out += static_cast<char>(body_form::kFormat);
  append_varint(out, names.replicas.size());
  for (const ReplicaId& id : names.replicas) out += id.bytes();
  append_varint(out, names.collections.size());
  for (const CollectionId id : names.collections) append_u64(out, id);
  append_varint(out, body.records.size());
  SectionWriter writer{names};
  for (const RecordWrite& record : body.records) {
    append_varint(out, index_in(names.collections, record.collection));
    out += record.id.bytes();
    out += static_cast<char>(record.creates ? body_form::kCreates : 0);
    append_varint(out, count_of(record, PrivacyClass::kStructure));
    for (const RegisterWrite& write : record.writes) {
      if (write.privacy == PrivacyClass::kStructure) writer.append(out, write);
    }
  }
  return out;
}

}  // namespace

std::vector<wire::Section> encode_body(const CommitBody& body) {
  const Names names{body};
  std::map<PrivacyClass, SectionWriter> classes;
  for (std::uint64_t index = 0; index < body.records.size(); ++index) {
    const RecordWrite& record = body.records[index];
    std::set<PrivacyClass> begun;
    for (const RegisterWrite& write : record.writes) {
      if (write.privacy == PrivacyClass::kStructure) continue;
      SectionWriter& writer = classes.try_emplace(write.privacy, names).first->second;
      if (begun.insert(write.privacy).second) {
        writer.begin_run(index, count_of(record, write.privacy));
      }
      writer.add(write);
    }
  }
  std::vector<wire::Section> sections;
  sections.push_back({PrivacyClass::kStructure, 0, {}, encode_structure(body, names)});
  for (const auto& [privacy, writer] : classes) {
    sections.push_back({privacy, 0, {}, writer.finish()});
  }
  return sections;
}

Bytes content_hash(const wire::CommitHeader& header, std::span<const wire::Section> sections) {
  Bytes text = "satchel commit content 1\n";
  append_sized(text, header.actor);
  append_sized(text, header.purpose);
  append_u64(text, header.bundle_version);
  append_sized(text, header.schema_hash);
  text += header.based_on.incarnation.bytes();
  append_u64(text, header.based_on.seq);
  append_varint(text, header.based_on.epochs.size());
  for (const auto& [scope, epoch] : header.based_on.epochs) {
    append_sized(text, scope);
    append_u64(text, epoch);
  }
  append_varint(text, header.extras.size());
  for (const auto& [number, bytes] : header.extras) {
    append_u16(text, number);
    append_sized(text, bytes);
  }
  if (header.origin) {
    text += "origin";
    text += header.origin->replica.bytes();
    append_u64(text, header.origin->number);
    append_sized(text, header.origin->content_hash);
  }
  append_varint(text, sections.size());
  crypto::Sha256 hash;
  hash.update(text);
  for (const wire::Section& section : sections) {
    Bytes head;
    head += static_cast<char>(section.privacy);
    append_u32(head, section.generation);
    append_varint(head, section.subjects.size());
    for (const SubjectRef& subject : section.subjects) head += subject.bytes();
    append_varint(head, section.bytes.size());
    hash.update(head);
    hash.update(section.bytes);
  }
  return Bytes{as_view(hash.finish())};
}

}  // namespace satchel::sync
