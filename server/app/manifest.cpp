#include "server/app/manifest.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"
#include "schema/model/varint.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

constexpr std::string_view kMacMember = ",\"mac\":\"";
constexpr std::string_view kDomain = "satchel backup manifest v1 ";

Bytes mac_of(ByteView body, ByteView receipt_key) {
  return to_hex(crypto::hmac_sha256(receipt_key, Bytes{kDomain} + Bytes{body}));
}

Error malformed(std::string_view what) {
  return Error{Errc::kStoreCorrupt, std::string{what} + " is not as it was written"};
}

// Members by name; the first that is not as it must be fails all.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}
  std::uint64_t number(std::string_view name) {
    const json::value* const value = object_.if_contains(name);
    boost::system::error_code bad;
    const auto read = value == nullptr ? 0 : value->to_number<std::uint64_t>(bad);
    failed_ = failed_ || value == nullptr || bad;
    return failed_ ? 0 : read;
  }
  std::string text(std::string_view name) {
    const json::value* const value = object_.if_contains(name);
    failed_ = failed_ || value == nullptr || !value->is_string();
    return failed_ ? std::string{} : std::string{value->get_string()};
  }
  Bytes bytes(std::string_view name, std::size_t size) {
    Bytes out;
    if (!from_hex(text(name), out) || out.size() != size) failed_ = true;
    return failed_ ? Bytes(size, '\0') : out;
  }
  template <class Id>
  Id id(std::string_view name) {
    return *Id::from_bytes(bytes(name, 16));
  }
  const json::array& list(std::string_view name) {
    static const json::array kNone;
    const json::value* const value = object_.if_contains(name);
    failed_ = failed_ || value == nullptr || !value->is_array();
    return failed_ ? kNone : value->get_array();
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  const json::object& object_;
  bool failed_ = false;
};

}  // namespace

Bytes manifest_text(const Manifest& manifest, ByteView receipt_key) {
  json::array files;
  for (const BackupFile& file : manifest.files)
    files.push_back(
        json::object{{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
  Bytes tag;
  append_u64(tag, manifest.tag);
  const json::object object{{"format", manifest.format},
                            {"store_format", manifest.store_format},
                            {"protocol", manifest.protocol},
                            {"program", manifest.program},
                            {"workspace", manifest.workspace},
                            {"workspace_id", to_hex(manifest.workspace_id.bytes())},
                            {"store", to_hex(manifest.store.bytes())},
                            {"incarnation", to_hex(manifest.incarnation.bytes())},
                            {"sequence", manifest.sequence},
                            {"tag", to_hex(tag)},
                            {"schema_hash", manifest.schema_hash},
                            {"made_us", manifest.made_us},
                            {"ledger", manifest.ledger},
                            {"files", std::move(files)}};
  Bytes body = json::serialize(object);
  const Bytes mac = mac_of(body, receipt_key);
  body.pop_back();  // The closing brace.
  return body + Bytes{kMacMember} + mac + "\"}\n";
}

bool proves_itself(const Bytes& text, ByteView receipt_key) {
  const std::size_t at = text.rfind(kMacMember);
  if (at == Bytes::npos) return false;
  const Bytes body = text.substr(0, at) + "}";
  const Bytes wanted = Bytes{kMacMember} + mac_of(body, receipt_key) + "\"}\n";
  return crypto::constant_time_equal(wanted, ByteView{text}.substr(at));
}

Result<Manifest> parse_manifest(const Bytes& text) {
  boost::system::error_code bad;
  const json::value value = json::parse(text, bad);
  if (bad || !value.is_object()) return malformed(kManifestFile);
  Members in{value.get_object()};
  Manifest manifest;
  manifest.format = in.number("format");
  if (!in.failed() && manifest.format > kManifestFormat)
    return Error{Errc::kStoreNewer, "the backup is of a later version"};
  manifest.store_format = in.number("store_format");
  manifest.protocol = in.number("protocol");
  manifest.program = in.text("program");
  manifest.workspace = in.text("workspace");
  manifest.workspace_id = in.id<WorkspaceId>("workspace_id");
  manifest.store = in.id<StoreId>("store");
  manifest.incarnation = in.id<IncarnationId>("incarnation");
  manifest.sequence = in.number("sequence");
  manifest.tag = ByteReader{in.bytes("tag", sizeof manifest.tag)}.u64();
  manifest.schema_hash = in.text("schema_hash");
  manifest.made_us = static_cast<std::int64_t>(in.number("made_us"));
  manifest.ledger = in.text("ledger");
  for (const json::value& each : in.list("files")) {
    if (!each.is_object()) return malformed(kManifestFile);
    Members file{each.get_object()};
    manifest.files.push_back({file.text("path"), file.number("size"), file.text("sha256")});
    if (file.failed()) return malformed(kManifestFile);
  }
  if (in.failed() || manifest.files.empty()) return malformed(kManifestFile);
  return manifest;
}

}  // namespace satchel::server
