// A peer that says anything at all, in either role and at any moment of a session, between replicas
// that hold each other's work: its session ends, or goes on; nobody else's work is touched.
//
//   input    flags (u8: bit 0 the peer is the server | bits 1-2 moment | bit 3 the peer computes
//            hashes and signatures as it should) | messages
//   message  length (u16 LE) | bytes
#include <fstream>
#include <sstream>

#include "schema/compiler/compile.hpp"
#include "schema/model/varint.hpp"
#include "sync/record/canonical.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::fuzz {
namespace {

using sync::Record;
using test::Office;
using test::Phone;

constexpr std::size_t kMessagesMax = 6;
constexpr std::size_t kAnswersMax = 64;
constexpr std::uint8_t kFromServer = 1;
constexpr std::uint8_t kHonest = 8;
enum Moment : std::uint8_t { kFirst, kGreeted, kLive, kMoments };

std::shared_ptr<const schema::Catalog> fleet() {
  static const auto catalog = [] {
    std::ifstream file{SATCHEL_TEST_DATA "/fleet.capnp"};
    std::ostringstream text;
    text << file.rdbuf();
    auto compiled = schema::compile_text("fleet.capnp", std::move(text).str());
    must(compiled, "the fleet's schema is in order");
    return *compiled;
  }();
  return catalog;
}

// A hub and two devices, and a way back to where they began. Ann's device holds a van of both and
// a write that is not sent; bob has a trip that ann may not see.
class Fleet {
 public:
  Office office{fleet()};
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;
  RecordId van;
  RecordId trip;
  std::vector<Bytes> to_hub;   // What ann's device says in a whole exchange,
  std::vector<Bytes> to_edge;  // and what it is told.

  Fleet() {
    for (const char* name : {"ann", "bob"}) office.add_user(name, sync::Role::kRep);
    ann = std::make_unique<Phone>(office, "ann", sync::Role::kRep, 11, fleet());
    bob = std::make_unique<Phone>(office, "bob", sync::Role::kRep, 12, fleet());
    van = bob->create("vans", "plate", Value{"K-AB 1"});
    must(bob->set("vans", van, "depot", Value{"north"}), "bob writes");
    must(bob->add("vans", van, "mileage", 120), "a counter counts");
    trip = bob->create("trips", "ratio", Value{0.5});
    must(bob->sync(), "bob's device syncs");
    must(ann->sync(), "ann's device syncs");
    must(ann->set("vans", van, "depot", Value{"south"}), "ann writes");
    must(ann->add("vans", van, "mileage", 7), "ann counts");
    before_ = {office.disk->snapshot(), ann->disk->snapshot(), bob->disk->snapshot()};
    record_exchange();
    van_ = hub_record(van);
    trip_ = text_of_trip();
  }

  void begin() {
    office.clock = ann->clock = bob->clock = {};
    office.entropy = test::CountingEntropy{1};
    ann->entropy = test::CountingEntropy{11};
    bob->entropy = test::CountingEntropy{12};
    bob->pushed.clear();
    ann->pushed.clear();
    office.restore(before_[0]);
    ann->restore(before_[1]);
  }

  // Whatever came of it, bob's work is what and where it was, and he goes on.
  void check_office() {
    office.restart();
    bob->restore(before_[2]);
    const auto report = office.store->check();
    law(report && report->bad.empty(), "the server's store is not in order");
    law(text_of_trip() == trip_, "somebody changed what he may not even see");
    const Record now = hub_record(van);
    for (const sync::Entry& entry : van_.entries) {
      const sync::Entry* found = now.find(entry.field, entry.key);
      law(found != nullptr &&
              join(found->state.context, entry.state.context) == found->state.context,
          "an acknowledged write is gone");
    }
    const auto bobs = bob->set("trips", trip, "ratio", Value{0.25});
    must(bobs, "bob's device does not write");
    must(bob->sync(), "bob's device does not sync");
    law(bob->edge->pending_count() == 0 && bob->shows("trips", trip, "ratio") == "0.25",
        "bob's device does not show its own write");
    law(test::hub_shows(office, *bob, "trips", trip, "ratio") == "0.25", "bob's write is lost");
  }

  // The device opens again, reads all that it holds, and its own write is answered for.
  void check_device() {
    const sync::CommitNumber watermark = ann->edge->state().watermark;
    const std::size_t pending = ann->edge->pending_count();
    law(watermark >= 2 || pending > 0 || !ann->edge->state().former.empty(),
        "unsent work is gone, and nobody has answered for it");
    ann->restart();
    law(ann->edge->state().watermark == watermark && ann->edge->pending_count() == pending,
        "a device that is opened again stands elsewhere");
    const auto report = ann->store->check();
    law(report && report->bad.empty(), "the device's store is not in order");
    std::size_t size = 0;
    const Status visited = ann->edge->visit(0, sync::kDefaultPurpose, [&](const Record& record) {
      const schema::CollectionDef* def = ann->edge->catalog().find(record.collection);
      if (def != nullptr) size += sync::canonical_record(*def, record, {.clocks = true}).size();
      return true;
    });
    must(visited, "a device cannot read what it took");
  }

 private:
  void record_exchange() {
    const auto wire = [&](bool up, const Bytes& message) {
      const auto frame = wire::decode_frame(message);
      must(frame, "a message of our own is in order");
      (up ? to_hub : to_edge).push_back(wire::encode_frame(*frame, false));
      return true;
    };
    // As one that begins from nothing, and as one that only goes on.
    Phone fresh{office, "ann", sync::Role::kRep, 13, fleet()};
    must(fresh.sync(wire), "a fresh device syncs");
    begin();
    must(ann->sync(wire), "ann's device syncs");
    begin();
  }
  Record hub_record(const RecordId& id) {
    const auto record = office.hub->find_record(id);
    law(record && *record, "a record of the server is gone");
    return **record;
  }
  std::string text_of_trip() {
    return sync::canonical_record(*fleet()->find("trips"), hub_record(trip), {.clocks = true});
  }

  std::array<sync::MemoryVersion, 3> before_;
  Record van_;
  std::string trip_;
};

Fleet& the_fleet() {
  static Fleet fleet;
  return fleet;
}

// What the peer says next; as a peer says it that knows how, where that is asked for.
class Peer {
 public:
  Peer(Input& in, bool honest, crypto::Signer& signer)
      : in_(in), honest_(honest), signer_(signer) {}
  [[nodiscard]] bool is_done() const { return in_.empty() || said_ == kMessagesMax; }
  Bytes say(ByteView challenge) {
    ++said_;
    const std::size_t size = in_.two_octets();
    const Bytes message{in_.take(size)};
    auto frame = honest_ ? wire::decode_frame(message) : Error{Errc::kFrameMalformed};
    if (!frame) return message;
    if (auto* hello = std::get_if<wire::Hello>(&*frame)) {
      const Bytes exporter(32, 'x');
      hello->signature = *signer_.sign(wire::hello_signing_bytes(exporter, challenge, hello->body));
    }
    if (auto* push = std::get_if<wire::Push>(&*frame)) {
      for (wire::Commit& commit : push->commits) {
        commit.header.content_hash = sync::content_hash(commit.header, commit.sections);
      }
    }
    return wire::encode_frame(*frame, false);
  }

 private:
  Input& in_;
  bool honest_;
  crypto::Signer& signer_;
  std::size_t said_ = 0;
};

// All that a side has to say now. False where it has ended.
bool drain(sync::Session& side, Bytes* challenge) {
  for (std::size_t i = 0; i < kAnswersMax; ++i) {
    const auto message = side.generate();
    if (!message) {
      law(!message.error().message().empty(), "a session ends without a word");
      return false;
    }
    if (!*message) return true;
    const auto frame = wire::decode_frame(**message);
    must(frame, "a session says what nobody can read");
    const auto* said = std::get_if<wire::Challenge>(&*frame);
    if (said != nullptr && challenge != nullptr) *challenge = said->nonce;
  }
  return true;
}

// An honest exchange up to the moment.
void lead_to(Moment moment, Office& office, sync::HubSession& hub, sync::EdgeSession& edge) {
  for (int step = 0; step < 50 && moment != kFirst; ++step) {
    office.work_for(hub);
    const auto down = hub.generate();
    must(down, "the server's side of an honest session ends");
    if (*down) must(edge.receive(**down), "the device's side of an honest session ends");
    if (moment == kGreeted && hub.greeted() && edge.welcomed()) return;
    const auto up = edge.generate();
    must(up, "the device's side of an honest session ends");
    if (*up) must(hub.receive(**up), "the server's side of an honest session ends");
    if (!*up && !*down && edge.quiet()) return;
  }
}

void against_hub(Fleet& fleet, Moment moment, Peer& peer) {
  sync::HubSession hub = fleet.office.session();
  sync::EdgeSession edge = fleet.ann->session(true);
  lead_to(moment, fleet.office, hub, edge);
  Bytes challenge;
  bool goes_on = drain(hub, &challenge);
  while (goes_on && !peer.is_done()) {
    const Status taken = hub.receive(peer.say(challenge));
    if (!taken) {
      const auto last = wire::decode_frame(sync::HubSession::failure_frame(taken.error()));
      law(last && std::holds_alternative<wire::Failure>(*last), "a session ends without a word");
      break;
    }
    fleet.office.work_for(hub);
    goes_on = drain(hub, nullptr);
  }
  if (const auto last = hub.closing_work()) static_cast<void>(fleet.office.run(*last).has_value());
  fleet.check_office();
}

void against_edge(Fleet& fleet, Moment moment, Peer& peer) {
  sync::HubSession hub = fleet.office.session();
  sync::EdgeSession edge = fleet.ann->session(true);
  lead_to(moment, fleet.office, hub, edge);
  bool goes_on = drain(edge, nullptr);
  while (goes_on && !peer.is_done()) {
    const std::uint64_t commits = fleet.ann->disk->commit_count();
    if (!edge.receive(peer.say({}))) {
      law(fleet.ann->disk->commit_count() == commits, "a refused message leaves something behind");
      break;
    }
    goes_on = drain(edge, nullptr);
  }
  fleet.check_device();
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const std::uint8_t flags = in.octet();
  const auto moment = static_cast<Moment>((flags >> 1 & 3) % kMoments);
  Fleet& fleet = the_fleet();
  fleet.begin();
  Peer peer{in, (flags & kHonest) != 0, *fleet.ann->signer};
  return (flags & kFromServer) != 0 ? against_edge(fleet, moment, peer)
                                    : against_hub(fleet, moment, peer);
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made;
  const auto add = [&](std::uint8_t flags, const std::vector<Bytes>& messages) {
    Bytes seed{static_cast<char>(flags)};
    for (const Bytes& message : messages) {
      append_u16(seed, static_cast<std::uint16_t>(message.size()));
      seed += message;
    }
    if (seed.size() < 16 * 1024) made.push_back(seed);
  };
  const Fleet& fleet = the_fleet();
  for (std::uint8_t moment = 0; moment < kMoments; ++moment) {
    for (const std::uint8_t honest : {std::uint8_t{0}, kHonest}) {
      const auto flags = static_cast<std::uint8_t>(moment << 1 | honest);
      for (const Bytes& message : fleet.to_hub) add(flags, {message});
      for (const Bytes& message : fleet.to_edge) add(flags | kFromServer, {message});
      if (fleet.to_hub.size() <= kMessagesMax) add(flags, fleet.to_hub);
      add(flags | kFromServer, {fleet.to_edge.begin(), fleet.to_edge.begin() + 3});
    }
  }
  return made;
}

}  // namespace satchel::fuzz
