#include "tests/sim/catalog.hpp"
#include "schema/compiler/compile.hpp"

namespace satchel::sim {
namespace {

constexpr const char* kTrials = R"(@0xb312be7cd5c27bf1;
using S = import "/satchel/annotations.capnp";

const trialStages :S.StageTable = (
  stages = ["open", "passed", "failed"],
  moves = [(from = "open", to = ["passed", "failed"]),
           (from = "passed", to = ["open", "failed"]),
           (from = "failed", to = ["open", "passed"])],
  beats = [(stage = "passed", over = ["open"]), (stage = "failed", over = ["open"])]);

struct Trial $S.collection("trials") $S.life(deleteWins) $S.scopes(["owner"]) {
  name    @0 :Text       $S.merge(multi)     $S.privacy(company);
  note    @1 :Text       $S.merge(lww)       $S.privacy(personal)
                             $S.frozenFrom(field = "stage", stage = "passed");
  stage   @2 :Text       $S.merge(stage)     $S.stages(.trialStages) $S.privacy(company);
  count   @3 :Int64      $S.merge(counter)   $S.privacy(behavioural);
  best    @4 :Int64      $S.merge(max)       $S.privacy(company);
  worst   @5 :Int64      $S.merge(min)       $S.privacy(company);
  labels  @6 :List(Text) $S.merge(set)       $S.privacy(company);
  readers @7 :List(Text) $S.merge(accessSet) $S.privacy(employee);
  entries @8 :List(Text) $S.merge(log)       $S.privacy(special)
                             $S.reopens(field = "stage", stage = "failed", to = "open");
  stop    @9 :Bool       $S.merge(deny)      $S.privacy(company);
  code   @10 :Text       $S.merge(once)      $S.privacy(company)
                             $S.retention(legal)
                             $S.retentionFrom(field = "stage", stage = "passed");
  remark @11 :Text       $S.merge(lww)       $S.privacy(company);
}

struct Firm $S.collection("firms") $S.scopes(["territory", "team"]) {
  name      @0 :Text       $S.merge(multi)     $S.privacy(company);
  territory @1 :Text       $S.merge(server)    $S.privacy(company);
  team      @2 :List(Text) $S.merge(accessSet) $S.privacy(employee);
  visits    @3 :Int64      $S.merge(counter)   $S.privacy(behavioural);
  lastVisit @4 :Int64      $S.merge(max)       $S.privacy(company);
}
struct Person $S.collection("people") $S.scopes(["firm.territory", "firm.team"]) {
  name @0 :Text       $S.merge(lww) $S.privacy(personal);
  firm @1 :Text       $S.merge(lww) $S.privacy(company) $S.ref(to = "firms");
  badges @2 :List(Text) $S.merge(set) $S.privacy(company);
}
struct Line $S.collection("lines") $S.scopes(["person.firm.territory"]) {
  value  @0 :Text $S.merge(lww) $S.privacy(personal);
  person @1 :Text $S.merge(lww) $S.privacy(company) $S.ref(to = "people");
}
struct Call $S.collection("calls") $S.life(deleteWins) $S.scopes(["owner", "firm.territory"]) {
  note  @0 :Text       $S.merge(lww)    $S.privacy(personal);
  firm  @1 :Text       $S.merge(lww)    $S.privacy(company) $S.ref(to = "firms");
  owner @2 :Text       $S.merge(server) $S.privacy(employee);
  said  @3 :List(Text) $S.merge(log)    $S.privacy(company);
}
)";

}  // namespace

Result<Catalogs> make_catalogs() {
  auto crm = schema::compile_crm();
  if (!crm) return crm.error();
  auto newer = schema::compile_text("trials.capnp", kTrials, crm->get());
  if (!newer) return newer.error();
  std::string text{kTrials};
  for (const std::string_view field : kNewerFields) {
    const std::size_t begin = text.find("  " + std::string{field} + " ");
    SATCHEL_ASSERT(begin != text.npos);
    text.erase(begin, text.find('\n', begin) + 1 - begin);
  }
  auto older = schema::compile_text("trials.capnp", text, crm->get());
  if (!older) return older.error();
  return Catalogs{std::move(*older), std::move(*newer)};
}

}  // namespace satchel::sim
