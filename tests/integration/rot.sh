#!/bin/bash
# What can be known without the row that rots: which format it has, and which schema it was.
. "$(dirname "$0")/lib.sh" "$1"
DAMAGE=$2
command -v jq >/dev/null || { echo "SKIPPED: needs jq"; exit 0; }
device() { "$BIN/satchel" --home "$WORK/$1" "${@:2}"; }
json() { device "$1" -o json "${@:2}"; }
status_of() { "$@" >"$WORK/out" 2>"$WORK/err"; echo $?; }
must() { "$@" >"$WORK/out" 2>&1 || fatal "$*: $(cat "$WORK/out")"; }

make_server
start_server
must ctl user create ann --role rep
must device ann enroll "$(ctl device enroll --user ann)"
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
stop_server
finish
