#!/bin/bash
# Schemas of one's own: a store begun with one, files that may follow it and files that may not,
# and registers that an older replica does not know: they outlive its edits byte for byte.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
FLEET=$(dirname "$0")/../data/fleet.capnp
# changed NAME SED: the fleet's schema with one change, in a file of that name.
changed() {
  sed "$2" "$FLEET" >"$WORK/$1.capnp"
  cmp -s "$FLEET" "$WORK/$1.capnp" && fatal "$1 changes nothing"
}

# ---- A schema of one's own -----------------------------------------------------------------------
TERRITORY=
make_server --schema "$FLEET"
start_server
expect "its collections, and no others" '["drivers","trips","vans"]' \
  "$(ctl -o json schema show | jq -c '[.collections[].name]')"
for user in ann bob; do
  make_users $user
  must device $user enroll "$(ctl device enroll --user $user)"
done
VAN=$(device ann put vans plate=B-42 depot=Lyon state.stage=ready equipment:='["rope"]')
must device ann add vans "$VAN" mileage=120
must device ann log-append vans "$VAN" damages:='{"text":"scratch"}'
must device ann sync
must device bob sync
expect "arrives whole" '{"damages":["scratch"],"depot":"Lyon","equipment":["rope"],"mileage":120,"plate":"B-42","state":"ready"}' \
  "$(device bob -o json get vans "$VAN" | jq -Sc '.fields | {damages: [.damages[].text], depot,
     equipment, mileage, plate, state: .state.stage}')"
expect "its indexes" "$VAN" "$(device bob -o json query vans 'depot = "Lyon"' | jq -r .id)"
expect "its search" "$VAN" "$(device bob -o json search scratch | jq -r .id)"
expect "its stage table" 1 "$(status_of device ann put vans "$VAN" state.stage=retired)"
for verb in put resolve; do
  expect "$verb: a stage that only the server sets" 1 "$(status_of device ann $verb vans "$VAN" state.stage=retired)"
done
expect "is refused at once" "0 0" "$(device ann -o json status | jq -r '"\(.pending) \(.rejected)"')"
expect "a field that only the server writes" 1 \
  "$(status_of device ann put vans "$VAN" price:='{"minor":1,"currency":"EUR"}')"

# ---- Which files may follow it -------------------------------------------------------------------
NEW='color @13 :Text $Satchel.merge(lww) $Satchel.privacy(company);'
NEW+=' badges @14 :List(Text) $Satchel.merge(set); trips @15 :Int64 $Satchel.merge(counter);'
NEW+=' owner2 @16 :Satchel.PersonName $Satchel.merge(multi) $Satchel.privacy(personal);'
changed newer "s/^  struct State {/  $NEW\n&/"
expect "fields may be added" 0 "$(status_of ctl schema check "$WORK/newer.capnp")"
line() { grep -n "^  $1 *@" "$FLEET" | head -1 | cut -d: -f1; }
# refused NAME SED PLACE FINDING: check and apply refuse the file at that place.
refused() {
  changed "$1" "$2"
  for verb in check apply; do
    expect "$1: $verb" 3 "$(status_of ctl schema $verb "$WORK/$1.capnp")"
    expect_match "$1: $verb says where" "$WORK/$1.capnp:$3: $4" "$(cat "$WORK/err")"
  done
}
refused retyped 's/^  seats     @7 :UInt8 /  seats     @7 :UInt16/' "$(line seats)" \
  'vans.seats: the type changed'
refused ruled 's/^  seats     @7 :UInt8        $Satchel.merge(lww)/  seats     @7 :UInt8 $Satchel.merge(max)/' \
  "$(line seats)" 'vans.seats: the merge rule changed'
refused classed 's/^\(  phone   @1 :Text $Satchel.merge(lww)\);/\1 $Satchel.privacy(personal);/' \
  "$(line phone)" 'drivers.phone: the privacy class changed'
refused renamed 's/^  depot     @6/  base      @6/;s/van\.depot/van.base/' "$(grep -n '^struct Van' "$FLEET" | cut -d: -f1)" \
  'vans.depot: the field was renamed to base'
refused demanding "s/^  struct State {/  vin @13 :Text \$Satchel.merge(lww) \$Satchel.required;\n&/" \
  '[0-9]+' 'vans.vin: a new field cannot be required'
refused thawed '/^  heaviest/{n;s/"retired"/"lost"/}' "$(line heaviest)" \
  'vans.heaviest: the field is frozen later than it was, or no more'
changed colder '/^  heaviest/{n;s/"retired"/"workshop"/}'
expect "more may be frozen" 0 "$(status_of ctl schema check "$WORK/colder.capnp")"
changed astray 's/"van.state", stage = "retired"/"van.depot", stage = "retired"/'
expect "a freeze by what is no stage" 3 "$(status_of ctl schema check "$WORK/astray.capnp")"
expect_match "and where" 'Trip.log: \$frozenFrom names "depot", which is no stage field of Van' \
  "$(cat "$WORK/err")"
sed '/^struct Trip/,/^}/d' "$FLEET" >"$WORK/less.capnp"
expect "a collection taken out" 3 "$(status_of ctl schema apply "$WORK/less.capnp")"
expect_match "and where" "$WORK/less.capnp:1: trips: the collection was taken out" "$(cat "$WORK/err")"
changed broken 's/^  depot     @6 :Text         $Satchel.merge(lww)/  depot @6 :Text/'
expect "a field without a rule" 3 "$(status_of ctl schema check "$WORK/broken.capnp")"
expect_match "and where" "$WORK/broken.capnp:$(line depot): Van.depot: " "$(cat "$WORK/err")"
sed 's/^  depot     @6 :Text /  depot @6 :Txt /; s/^  seats     @7 :UInt8/  seats @7 :Foo/' "$FLEET" >"$WORK/twice.capnp"
for verb in "ctl schema check" "$BIN/satcheld init --data $WORK/none --schema"; do
  expect "two mistakes: $verb" 3 "$(status_of $verb "$WORK/twice.capnp")"
  expect "a line for each, with line and column" "error: schema_invalid: $WORK/twice.capnp:$(line depot):13: Not defined: Txt
error: schema_invalid: $WORK/twice.capnp:$(line seats):13: Not defined: Foo" "$(cat "$WORK/err")"
done
expect "nothing of it took hold" '["drivers","trips","vans"]' \
  "$(ctl -o json schema show | jq -c '[.collections[].name]')"

# ---- Registers that an older replica does not know -----------------------------------------------
# A server keeps a copy of its store from before the newer schema; bob's device has the newer one
# when the server goes back to that copy. So the server and ann's device are older than his.
stop_server
cp -r "$DATA" "$WORK/before"
start_server
must ctl schema apply "$WORK/newer.capnp"
must device bob sync
must device bob put vans "$VAN" color=red owner2:='{"given":"Noor"}'
must device bob set-add vans "$VAN" badges=adr
must device bob add vans "$VAN" trips=7
stop_server
rm -rf "$DATA"
mv "$WORK/before" "$DATA"
start_server
must device bob sync --retries 3
expect "the server has the older schema again" 0 "$(ctl -o json schema show | grep -c color)"
must device ann sync --retries 3
expect "nor does the older device know the fields" 4 "$(status_of device ann put vans "$VAN" color=blue)"

# unknown COMMAND...: the registers without a name in one dump, bytes and dots and all.
unknown() { "$@" dump --canonical --clocks | jq -cS 'select(.id == "'"$VAN"'") | .clocks |
  with_entries(select(.key | test("^@")))'; }
unknown device ann >"$WORK/held"
unknown ctl >"$WORK/kept"
expect "the older replicas hold what they do not know" 4 "$(jq length "$WORK/held")"
expect "device and server hold the same" 0 "$(cmp "$WORK/held" "$WORK/kept"; echo $?)"
named() { device bob dump --canonical --clocks | jq -cS 'select(.id == "'"$VAN"'") | .clocks |
  {color, badges, trips, owner2}'; }
named >"$WORK/named"

must device ann put vans "$VAN" depot=Nice seats=3
must device ann add vans "$VAN" mileage=5
must device ann set-add vans "$VAN" equipment=lamp
must device ann sync
must device ann delete vans "$VAN"
must device ann restore vans "$VAN"
must device ann sync
must device bob sync
unknown device ann >"$WORK/held.after"
unknown ctl >"$WORK/kept.after"
named >"$WORK/named.after"
expect "after its edits, on the device" 0 "$(cmp "$WORK/held" "$WORK/held.after"; echo $?)"
expect "on the server" 0 "$(cmp "$WORK/kept" "$WORK/kept.after"; echo $?)"
expect "on the newer device" 0 "$(cmp "$WORK/named" "$WORK/named.after"; echo $?)"
expect "its own edits arrived" '["Nice",125]' \
  "$(device bob -o json get vans "$VAN" | jq -c '[.fields.depot, .fields.mileage]')"

must ctl schema apply "$WORK/newer.capnp"
must device ann sync
must device bob sync
SHOWN='{"badges":["adr"],"color":"red","owner2":{"given":"Noor"},"trips":7}'
for user in ann bob; do
  expect "with the newer schema $user's device shows them" "$SHOWN" \
    "$(device $user -o json get vans "$VAN" | jq -Sc '.fields | {badges, color, owner2, trips}')"
done
device ann dump --canonical >"$WORK/ann.dump"
device bob dump --canonical >"$WORK/bob.dump"
expect "all replicas agree" 0 "$(cmp "$WORK/ann.dump" "$WORK/bob.dump"; echo $?)"
expect "the server lives on" 0 "$(status_of ctl status)"
stop_server
expect "and drains" 0 "$SERVER_STATUS"
finish
