# A schema of somebody else's: a small haulier's vans, drivers and trips.
@0xd2f1a7c3b5e49801;

using Satchel = import "/satchel/annotations.capnp";

# Retired against lost is left open.
const vanStages :Satchel.StageTable = (
  stages = ["ready", "onRoad", "workshop", "retired", "lost"],
  moves = [(from = "ready", to = ["onRoad", "workshop", "retired", "lost"]),
           (from = "onRoad", to = ["ready", "workshop", "lost"]),
           (from = "workshop", to = ["ready", "retired"])],
  beats = [(stage = "workshop", over = ["ready", "onRoad"]),
           (stage = "onRoad", over = ["ready"]),
           (stage = "retired", over = ["workshop"]),
           (stage = "lost", over = ["workshop"])],
  serverOnly = ["retired"],
  needsReason = ["lost"]);

struct Van $Satchel.collection("vans") $Satchel.life(deleteWins) $Satchel.scopes(["all"]) {
  plate     @0 :Text         $Satchel.merge(once)      $Satchel.privacy(company)
                             $Satchel.index $Satchel.search $Satchel.required;
  mileage   @1 :Int64        $Satchel.merge(counter)   $Satchel.privacy(company);
  equipment @2 :List(Text)   $Satchel.merge(set)       $Satchel.privacy(company);
  keyHolders @3 :List(Text)  $Satchel.merge(accessSet) $Satchel.privacy(employee);
  service   @4 :Satchel.Map(Text, Satchel.Integer)
                             $Satchel.merge(map) $Satchel.values(max) $Satchel.unit("us");
  state     @5 :State        $Satchel.merge(stage) $Satchel.stages(.vanStages) $Satchel.index;
  depot     @6 :Text         $Satchel.merge(lww)       $Satchel.index;
  seats     @7 :UInt8        $Satchel.merge(lww);
  price     @8 :Satchel.Money $Satchel.merge(server)   $Satchel.privacy(financial)
                             $Satchel.writers([server]);
  heaviest  @9 :Int64        $Satchel.merge(max)
                             $Satchel.frozenFrom(field = "state", stage = "retired");
  firstUse @10 :Int64        $Satchel.merge(min) $Satchel.unit("us");
  damages  @11 :List(Damage) $Satchel.merge(log) $Satchel.search;
  extras   @12 :Satchel.Map(Text, Satchel.Flag) $Satchel.merge(map) $Satchel.values(deny);

  struct State {
    stage @0 :Text;
    since @1 :Int64 $Satchel.unit("us");
    reason @2 :Text;
  }
  struct Damage {
    at @0 :Int64 $Satchel.unit("us");
    text @1 :Text;
    photos @2 :List(Satchel.Attachment);
    where @3 :Satchel.Position;
    total @4 :Bool;
  }
}

struct Driver $Satchel.collection("drivers") $Satchel.scopes(["all"]) $Satchel.subject(["self"]) {
  name    @0 :Satchel.PersonName $Satchel.merge(multi) $Satchel.privacy(personal) $Satchel.search;
  phone   @1 :Text $Satchel.merge(lww);
  barred  @2 :Bool $Satchel.merge(deny) $Satchel.writers([server, dpo]);
}

struct Trip $Satchel.collection("trips") $Satchel.scopes(["owner", "van.depot"])
    $Satchel.subject(["driver"]) $Satchel.retention(legal) {
  van     @0 :Text $Satchel.merge(once) $Satchel.ref(to = "vans", gone = delete) $Satchel.index;
  driver  @1 :Text $Satchel.merge(once) $Satchel.ref(to = "drivers", gone = clear);
  started @2 :Int64 $Satchel.merge(once) $Satchel.unit("us") $Satchel.index;
  ratio   @3 :Float32 $Satchel.merge(lww) $Satchel.privacy(behavioural) $Satchel.retention(crm);
  log     @4 :Data $Satchel.merge(lww)
          $Satchel.frozenFrom(field = "van.state", stage = "retired");
  owner   @5 :Text $Satchel.merge(lww) $Satchel.privacy(employee);
}
