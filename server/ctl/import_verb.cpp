// import: reads a file row by row, maps it, sends batches.
#include <algorithm>
#include <fstream>
#include <iostream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/entropy.hpp"
#include "schema/catalog/json.hpp"
#include "schema/model/limits.hpp"
#include "server/ctl/csv.hpp"
#include "server/ctl/mapping.hpp"
#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kBatchRows = 500;
constexpr std::size_t kBatchBytes = 2 * 1024 * 1024;

struct Totals {
  std::uint64_t created = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
  std::vector<RowComplaint> complaints;
};

// Collects rows and sends them.
class Sender {
 public:
  Sender(CtlSession& session, AdminClient& client, const ImportVerb& verb, std::string key)
      : session_(session), client_(client), verb_(verb), key_(std::move(key)) {}

  Status open() {
    crypto::SystemEntropy entropy;
    auto run = crypto::random_id<ReplicaId>(entropy);
    if (!run) return run.error();
    path_ = "/admin/v1/import/" + escape(verb_.collection) + "?key=" + escape(key_) +
            "&run=" + to_text(*run) + "&purpose=" + escape(session_.options().purpose) +
            (verb_.dry_run ? "&dry_run=true" : "");
    return {};
  }
  void complain(std::uint64_t line, const std::string& field, const std::string& reason) {
    totals_.complaints.push_back({line, field, reason});
  }
  Status add(ImportRow row) {
    for (const ImportValue& value : row.values) size_ += value.field.text.size() + 64;
    rows_.push_back(std::move(row));
    if (rows_.size() < kBatchRows && size_ < kBatchBytes) return {};
    return send();
  }
  Status send() {
    if (rows_.empty()) return {};
    auto body = client_.post(path_, import_rows_text(rows_), "application/x-ndjson");
    if (!body) return body.error();
    rows_.clear();
    size_ = 0;
    return count(*body);
  }
  [[nodiscard]] Totals& totals() { return totals_; }

 private:
  Status count(const Bytes& body) {
    boost::system::error_code error;
    const json::value parsed = json::parse(body, error);
    const auto* const report = parsed.if_object();
    const auto* const unusable = report == nullptr ? nullptr : report->if_contains("unusable");
    if (error || unusable == nullptr || !unusable->is_array()) {
      return Error{Errc::kFrameMalformed, "the server's answer is no report"};
    }
    const auto number = [&](const char* name) {
      const auto* const value = report->if_contains(name);
      return value == nullptr || !value->is_int64()
                 ? 0
                 : static_cast<std::uint64_t>(value->get_int64());
    };
    totals_.created += number("created");
    totals_.updated += number("updated");
    totals_.unchanged += number("unchanged");
    for (const json::value& each : unusable->get_array()) {
      const json::object& complaint = each.as_object();
      complain(static_cast<std::uint64_t>(complaint.at("line").as_int64()),
               complaint.at("field").as_string().c_str(),
               complaint.at("reason").as_string().c_str());
    }
    return {};
  }

  CtlSession& session_;
  AdminClient& client_;
  const ImportVerb& verb_;
  std::string key_;
  std::string path_;
  std::vector<ImportRow> rows_;
  std::size_t size_ = 0;
  Totals totals_;
};

// What the file says of a record's key, and which path the server looks up.
struct Key {
  std::string path;    // "externalIds.rec_id"; empty where a row is its own key
  std::string column;  // Where the key's text stands, unless the mapping has the path.
};

Result<bool> has_field(AdminClient& client, const std::string& collection, std::string_view name) {
  auto body = client.get("/admin/v1/schema");
  if (!body) return body.error();
  boost::system::error_code error;
  const json::value schema = json::parse(*body, error);
  if (error) return Error{Errc::kFrameMalformed, "the server's answer is not JSON"};
  for (const json::value& each : schema.as_object().at("collections").as_array()) {
    if (each.at("name").as_string() != collection) continue;
    const auto& fields = each.at("fields").as_array();
    return std::any_of(fields.begin(), fields.end(), [&](const json::value& field) {
      return field.at("name").as_string() == boost::json::string_view{name.data(), name.size()};
    });
  }
  return Error{Errc::kCollectionUnknown, collection};
}

// A key that is no field of the collection is a name of the outside world: it is kept in
// externalIds.
Result<Key> resolve_key(AdminClient& client, const ImportVerb& verb, const Mapping* mapping) {
  const std::string asked = !verb.key.empty() ? verb.key : mapping != nullptr ? mapping->key() : "";
  if (asked.empty() || asked == "id") return Key{asked, asked};
  auto known =
      has_field(client, verb.collection, std::string_view{asked}.substr(0, asked.find('.')));
  if (!known) return known.error();
  return *known ? Key{asked, asked} : Key{"externalIds." + asked, asked};
}

std::string key_text(const Key& key, const Mapping& mapping, const Mapping::Cell& cell) {
  if (key.path.empty()) return {};
  if (auto text = mapping.text_of(key.path, cell)) return std::move(*text);
  return cell(key.column).value_or("");
}

Status import_row(Sender& sender, std::uint64_t line, const Key& key, const Mapping& mapping,
                  const Mapping::Cell& cell) {
  Mapping::Mapped mapped = mapping.apply(cell);
  for (const RowComplaint& each : mapped.complaints) sender.complain(line, each.field, each.reason);
  if (!mapped.complaints.empty()) return {};
  return sender.add({line, key_text(key, mapping, cell), std::move(mapped.values)});
}

Status import_csv(std::istream& in, Sender& sender, const Key& key,
                  std::optional<Mapping> mapping) {
  CsvReader reader{in};
  CsvReader::Row header;
  auto more = reader.next(header);
  if (!more) return more.error();
  if (!*more) return Error{Errc::kInvalidArgument, "1: the file is empty; a header is needed"};
  for (std::string& column : header.cells) {
    column.erase(0, column.find_first_not_of(' '));
    column.erase(column.find_last_not_of(' ') + 1);
  }
  for (auto at = header.cells.begin(); at != header.cells.end(); ++at) {
    if (std::find(at + 1, header.cells.end(), *at) != header.cells.end())
      return Error{Errc::kInvalidArgument, "1: column " + *at + " stands twice in the header"};
  }
  if (!mapping) mapping = Mapping::of_columns(header.cells, key.column);
  SATCHEL_TRY(mapping->bind(header.cells));
  CsvReader::Row row;
  const Mapping::Cell cell = [&](std::string_view column) -> std::optional<std::string> {
    const auto at = std::find(header.cells.begin(), header.cells.end(), column);
    if (at == header.cells.end()) return std::nullopt;
    return row.cells[static_cast<std::size_t>(at - header.cells.begin())];
  };
  for (;;) {
    more = reader.next(row);
    if (!more) return more.error();
    if (!*more) return sender.send();
    if (row.cells.size() != header.cells.size()) {
      sender.complain(row.line, "",
                      "has " + std::to_string(row.cells.size()) + " cells, the header " +
                          std::to_string(header.cells.size()));
      continue;
    }
    const auto odd = std::find_if_not(row.cells.begin(), row.cells.end(), schema::is_utf8);
    if (odd != row.cells.end()) {
      const auto column = static_cast<std::size_t>(odd - row.cells.begin());
      sender.complain(row.line, header.cells[column], "is not UTF-8; save the file as UTF-8");
      continue;
    }
    SATCHEL_TRY(import_row(sender, row.line, key, *mapping, cell));
  }
}

std::string member_text(const json::value& value) {
  if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
  return value.is_null() ? std::string{} : json::serialize(value);
}

// Members as fields, as the server's own export has them ({"collection","id","fields"}) or flat.
ImportRow plain_row(const json::object& row, const json::object& fields, const Key& key,
                    std::uint64_t line) {
  ImportRow out;
  out.line = line;
  for (const auto& member : fields) {
    const std::string name{member.key().data(), member.key().size()};
    if ((&row == &fields && (name == "id" || name == "collection")) || name == key.column) continue;
    if (member.value().is_null()) continue;
    out.values.push_back(
        {{name, member_text(member.value()), !member.value().is_string()}, {}, "id"});
  }
  const auto* const id = row.if_contains("id");
  const auto* const named = key.column == "id" ? id : fields.if_contains(key.column);
  if (named != nullptr) out.key = member_text(*named);
  return out;
}

Status import_ndjson(std::istream& in, Sender& sender, const Key& key,
                     const std::optional<Mapping>& mapping) {
  std::string text;
  for (std::uint64_t line = 1; std::getline(in, text); ++line) {
    if (text.size() > limits::kImportLineBytesMax) {
      return Error{Errc::kLimitExceeded, std::to_string(line) + ": a line is too long"};
    }
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.empty()) continue;
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error);
    const auto* const row = parsed.if_object();
    if (error || row == nullptr) {
      sender.complain(line, "", "is no JSON object");
      continue;
    }
    const auto* const nested = row->if_contains("fields");
    const json::object& fields =
        nested != nullptr && nested->is_object() ? nested->get_object() : *row;
    if (!mapping) {
      SATCHEL_TRY(sender.add(plain_row(*row, fields, key, line)));
      continue;
    }
    const Mapping::Cell cell = [&](std::string_view column) -> std::optional<std::string> {
      const auto* const value = fields.if_contains({column.data(), column.size()});
      if (value == nullptr) return std::nullopt;
      return member_text(*value);
    };
    SATCHEL_TRY(import_row(sender, line, key, *mapping, cell));
  }
  return sender.send();
}

// A row without any key that has an id of its own is known by that.
bool first_row_has_id(const std::string& file, bool csv) {
  std::ifstream in{file, std::ios::binary};
  if (csv) {
    CsvReader reader{in};
    CsvReader::Row header;
    const auto more = reader.next(header);
    return more && *more &&
           std::find(header.cells.begin(), header.cells.end(), "id") != header.cells.end();
  }
  std::string line;
  std::getline(in, line);
  boost::system::error_code error;
  const json::value parsed = json::parse(line, error);
  return !error && parsed.is_object() && parsed.get_object().if_contains("id") != nullptr;
}

void print_report(const CtlSession& session, const ImportVerb& verb, Totals& totals) {
  std::stable_sort(totals.complaints.begin(), totals.complaints.end(),
                   [](const RowComplaint& a, const RowComplaint& b) { return a.line < b.line; });
  json::array unusable;
  for (const RowComplaint& each : totals.complaints) {
    if (!session.is_json()) {
      std::cout << verb.file << ':' << each.line << ": "
                << (each.field.empty() ? "row" : each.field) << ": " << each.reason << '\n';
    }
    unusable.push_back(json::object{
        {"file", verb.file}, {"line", each.line}, {"field", each.field}, {"reason", each.reason}});
  }
  const std::size_t count = unusable.size();
  json::object report{{"created", totals.created},
                      {"updated", totals.updated},
                      {"unchanged", totals.unchanged},
                      {"dry_run", verb.dry_run}};
  if (session.is_json()) {
    report["unusable"] = std::move(unusable);
  } else {
    report["unusable"] = count;
  }
  print_json(session, report);
}

}  // namespace

Status import_file(CtlSession& session, const ImportVerb& verb) {
  const bool csv = verb.file.ends_with(".csv");
  if (!csv && !verb.file.ends_with(".ndjson") && !verb.file.ends_with(".jsonl")) {
    return Error{Errc::kUsage, "a file ends with .csv or .ndjson"};
  }
  std::ifstream in{verb.file, std::ios::binary};
  if (!in) return Error{Errc::kFileRead, verb.file};
  if (!verb.map.empty() && !std::ifstream{verb.map}) return Error{Errc::kFileRead, verb.map};
  auto client = session.client();
  if (!client) return client.error();
  std::optional<Mapping> mapping;
  if (!verb.map.empty()) {
    auto read = Mapping::read(verb.map);
    if (!read) return read.error();
    mapping = std::move(*read);
  }
  auto key = resolve_key(**client, verb, mapping ? &*mapping : nullptr);
  if (!key) return key.error();
  if (key->path.empty() && !mapping && first_row_has_id(verb.file, csv)) *key = {"id", "id"};
  Sender sender{session, **client, verb, key->path};
  SATCHEL_TRY(sender.open());
  const Status read = csv ? import_csv(in, sender, *key, std::move(mapping))
                          : import_ndjson(in, sender, *key, mapping);
  if (!read) {
    Error error = read.error();
    // A reader's complaint begins with its line.
    if (error.code == Errc::kInvalidArgument || error.code == Errc::kLimitExceeded) {
      error.context = verb.file + ":" + error.context;
    }
    return error;
  }
  print_report(session, verb, sender.totals());
  const std::size_t unusable = sender.totals().complaints.size();
  if (unusable == 0) return {};
  return Error{Errc::kInvalidArgument, std::to_string(unusable) + " complaints about rows"};
}

}  // namespace satchel::server
