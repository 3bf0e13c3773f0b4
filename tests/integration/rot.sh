#!/bin/bash
# What can be known without the row that rots: which format it has, and which schema it was.
. "$(dirname "$0")/lib.sh" "$1"
DAMAGE=$2
needs jq

make_server
start_server
make_rep ann
FIRST=$(device ann put accounts name="First")
must device ann put accounts name="Second"
must device ann sync

# ---- The octet that says a row's format: of a device ------------------------------------------------
must device ann put accounts "$FIRST" website="w0"
for table in records numbers replicas meta schemas outbox commits; do
  must "$DAMAGE" "$WORK/ann/replica" $table last format
  expect "$table: verify names the row" 8 "$(status_of json ann verify)"
  expect_match "$table: and that it is right again" "\"$table/.*put right" "$(jq -c .bad "$WORK/out")"
  expect "$table: so it is" 0 "$(status_of device ann verify)"
done
for table in records numbers replicas meta schemas outbox commits; do
  must "$DAMAGE" "$WORK/ann/replica" $table last format
  for verb in status "get accounts $FIRST" "dump --canonical" "put accounts $FIRST website=$table" sync heal; do
    expect "$table: it harms no $verb" 0 "$(status_of device ann $verb)"
    must "$DAMAGE" "$WORK/ann/replica" $table last format
  done
done
expect "nothing is lost by it" commits "$(ctl -o json record get accounts "$FIRST" | jq -r .fields.website)"

# ---- Of the server ----------------------------------------------------------------------------------
stop_server
ctl dump --canonical >"$WORK/whole"
for table in records numbers replicas meta schemas commits users devices watermarks; do
  must "$DAMAGE" "$DATA/workspaces/main/data" $table last format
done
expect "fsck names the rows" 8 "$(status_of ctl -o json fsck)"
expect "all of them" 9 "$(jq '[.bad[] | select(endswith("put right"))] | length' "$WORK/out")"
expect "and they are right again" 0 "$(status_of ctl fsck)"
must "$DAMAGE" "$DATA/workspaces/main/data" records last format
start_server
expect_match "a server that starts says so" '"level":"warning","msg":"row_mended","row":"records/[0-9]+: ' "$(cat "$WORK/server.log")"
expect "and is whole" "$(cat "$WORK/whole")" "$(ctl dump --canonical)"
must device ann sync

# ---- The schema, where it is the built-in one --------------------------------------------------------
must device ann put accounts "$FIRST" website="unsent"
must "$DAMAGE" "$WORK/ann/replica" schemas last
expect "a device's: verify names it" 8 "$(status_of json ann verify)"
expect_match "as the row it is" '"schemas/' "$(jq -c .bad "$WORK/out")"
expect "reading goes on" unsent "$(json ann get accounts "$FIRST" | jq -r .fields.website)"
expect "and the row is written anew" 0 "$(status_of device ann verify)"
must "$DAMAGE" "$WORK/ann/replica" schemas last
expect "so does writing" 0 "$(status_of device ann put accounts "$FIRST" industry=rot)"
expect "and syncing" 0 "$(status_of device ann sync)"
stop_server
ctl dump --canonical >"$WORK/whole"
must "$DAMAGE" "$DATA/workspaces/main/data" schemas last
: >"$WORK/server.log"
start_server
expect_match "the server's: it starts and warns" '"level":"warning","msg":"schema_restored"' "$(cat "$WORK/server.log")"
expect "it is whole" "$(cat "$WORK/whole")" "$(ctl dump --canonical)"
must "$DAMAGE" "$DATA/workspaces/main/data" schemas last
make_users bob
expect "while it runs, it gives the schema all the same" 0 "$(status_of device bob enroll "$(ctl device enroll --user bob)")"
stop_server

# ---- And where it is one of one's own ----------------------------------------------------------------
cp "$(dirname "$0")/../data/fleet.capnp" "$WORK/fleet.capnp"
mkdir "$WORK/fleet"
WORK_OF_CRM=$WORK
WORK=$WORK/fleet
TERRITORY=
make_server --schema "$WORK_OF_CRM/fleet.capnp"
start_server
make_rep cay
VAN=$(device cay put vans plate=B-42 depot=Lyon)
must device cay sync
must device cay put vans "$VAN" depot=Nice
must "$DAMAGE" "$WORK/cay/replica" schemas last
for verb in "get vans $VAN" "put vans $VAN depot=Oslo" pending "query vans"; do
  expect "a device without its schema: $verb" 8 "$(status_of device cay $verb)"
  expect_match "$verb: names the way out" '^error: store_corrupt: .*the stored schema .*`sync` fetches it' "$(cat "$WORK/err")"
done
expect "its status" "0 1" "$(status_of json cay status) $(jq .pending "$WORK/out")"
expect_match "says so" 'sync. fetches it' "$(jq -r .damage "$WORK/out")"
stop_server
expect "without a server it stays so" 7 "$(status_of device cay sync --timeout 2 --retries 0)"
start_server
expect "heal fetches it too" 0 "$(status_of device cay heal)"
expect "and the unsent work is sent" Nice "$(ctl -o json record get vans "$VAN" | jq -r .fields.depot)"
must "$DAMAGE" "$WORK/cay/replica" schemas last
expect "a write waits" 8 "$(status_of device cay put vans "$VAN" depot=Oslo)"
expect "for a sync" 0 "$(status_of device cay sync)"
expect "then it is as it was" 0 "$(status_of device cay put vans "$VAN" depot=Oslo)"
expect "all of it" Oslo "$(json cay get vans "$VAN" | jq -r .fields.depot)"
expect "and sound" 0 "$(status_of device cay verify)"
must device cay sync
stop_server
must "$DAMAGE" "$DATA/workspaces/main/data" schemas last
start_server
expect "the server has it from its file" Oslo "$(ctl -o json record get vans "$VAN" | jq -r .fields.depot)"
expect_match "and warns" '"level":"warning","msg":"schema_restored"' "$(cat "$WORK/server.log")"
stop_server
must "$DAMAGE" "$DATA/workspaces/main/data" schemas last
mv "$WORK_OF_CRM/fleet.capnp" "$WORK_OF_CRM/moved.capnp"
expect "without the file it does not start" 8 "$(status_of "$BIN/satcheld" serve --data "$DATA")"
expect_match "and says what to do" '^error: store_corrupt: .*the stored schema .*store.schema_file, .*does not compile' "$(cat "$WORK/err")"
sed -i "s|fleet.capnp|moved.capnp|" "$DATA/satcheld.toml"
start_server
expect "named anew, it does" Oslo "$(ctl -o json record get vans "$VAN" | jq -r .fields.depot)"
stop_server
WORK=$WORK_OF_CRM
finish
