#!/bin/bash
# A row that rots on a disk, a device's or the server's: it delays only itself, and is named.
. "$(dirname "$0")/lib.sh" "$1"
DAMAGE=$2
needs jq
key_of() { printf %016x "$1"; }
# rot HOME PLACE PART: part of a commit in the outbox: 00 its structure, 03 its company class, ff its sealed copy.
rot() { must "$DAMAGE" "$WORK/$1/replica" outbox "$(printf '%016x%s' "$2" "$3")"; }

make_server
start_server
for user in ann bob; do make_rep $user; done
FIRST=$(device ann put accounts name="First")
OTHER=$(device ann put accounts name="Other")
must device ann sync

# ---- A device's outbox -----------------------------------------------------------------------------
rot ann 1 03
for verb in status "get accounts $FIRST" pending sync; do
  expect "with a damaged entry that was acknowledged: $verb" 0 "$(status_of device ann $verb)"
done
expect "verify ends with" 8 "$(status_of json ann verify)"
expect "and names it" "1 acknowledged accounts $FIRST" "$(jq -r '.damaged_outbox[] |
  "\(.commit) \(.state) \(.records[0].collection) \(.records[0].id)"' "$WORK/out")"
expect "nothing is lost" "[]" "$(jq -c .lost_outbox "$WORK/out")"

must device ann put accounts "$FIRST" name=sealed
must device ann put accounts "$OTHER" name=other
rot ann 3 03
expect "an unsent entry is named" "3 sealed_copy $FIRST" "$(json ann status | jq -r '.damaged_outbox[] |
  "\(.commit) \(.state) \(.records[0].id)"')"
expect "a dump does not leave it out in silence" 8 "$(status_of device ann dump --canonical)"
expect_match "and names it" '^error: store_corrupt: .*pending commit 3' "$(cat "$WORK/err")"
expect "beside all the rest" 2 "$(grep -c "\"accounts\"" "$WORK/out")"
expect "it waits like any other" 2 "$(json ann status | jq .pending)"
expect "others are read" other "$(json ann get accounts "$OTHER" | jq -r .fields.name)"
expect "the sync goes through" 0 "$(status_of json ann sync)"
expect "its sealed copy went" sealed "$(ctl -o json record get accounts "$FIRST" | jq -r .fields.name)"
expect "then a dump is whole" 0 "$(status_of device ann dump --canonical)"
expect "and the device is told" sealed "$(json ann get accounts "$FIRST" | jq -r .fields.name)"

must device ann put accounts "$FIRST" name=gone
must device ann put accounts "$OTHER" name=again
rot ann 5 03
rot ann 5 ff
expect "one without a copy is lost" "5 lost $FIRST" "$(json ann status | jq -r '.damaged_outbox[] |
  "\(.commit) \(.state) \(.records[0].id)"')"
expect "its record shows what is under it" sealed "$(json ann get accounts "$FIRST" | jq -r .fields.name)"
expect "a sync says which" "0 5 $FIRST" "$(status_of json ann sync) $(jq -r '.damaged_outbox[] |
  "\(.commit) \(.records[0].id)"' "$WORK/out")"
expect "the rest is sent" again "$(ctl -o json record get accounts "$OTHER" | jq -r .fields.name)"
expect "it stays named" 5 "$(json ann status | jq '.damaged_outbox[0].commit')"
expect "verify calls it lost" "[5]" "$(json ann verify 2>/dev/null | jq -c .lost_outbox)"
expect "heal drops and names it" "0 5 $FIRST" "$(status_of json ann heal) $(jq -r '.lost[] |
  "\(.commit) \(.records[0].id)"' "$WORK/out")"
expect "then nothing is damaged" "[]" "$(json ann status | jq -c .damaged_outbox)"

# ---- A device's base --------------------------------------------------------------------------------
must device bob sync
ROTTEN=$(device ann put accounts name="sealed too")
must device ann sync
must device bob sync  # Newest: its last record.
must "$DAMAGE" "$WORK/bob/replica" records last
expect "a record that rots" 8 "$(status_of device bob dump --canonical)"
expect_match "is named with the way out" "accounts $ROTTEN cannot be read: satchel heal pulls it again" "$(cat "$WORK/err")"
expect "and hides no other" "$(ctl dump --canonical | grep -v "\"id\":\"$ROTTEN\"")" "$(cat "$WORK/out")"
for verb in "query accounts --limit 1" "query accounts --order -name --limit 1" "search sealed"; do
  expect "$verb ends with" 8 "$(status_of json bob $verb)"
  expect "$verb gives the rest" "$FIRST" "$(jq -r .id "$WORK/out")"
  expect_match "$verb names what is missing" "accounts $ROTTEN cannot" "$(jq -r .detail "$WORK/err")"
done
expect "a shell gives both" "2 store_corrupt" "$(echo 'query accounts' | device bob shell | jq -r 'select(.rows) | "\(.rows | length) \(.error.code)"')"
expect "others are read" 0 "$(status_of device bob get accounts "$FIRST")"
expect "it alone is not" 8 "$(status_of device bob get accounts "$ROTTEN")"
expect "status works" "0 null" "$(status_of json bob status) $(jq .conflicts "$WORK/out")"
expect_match "and says the same" 'heal pulls it again' "$(jq -r .damage "$WORK/out")"
expect "heal names it and pulls it again" "0 1" "$(status_of json bob heal) $(jq '.dropped | length' "$WORK/out")"
expect "all is there again" "$(ctl dump --canonical)" "$(device bob dump --canonical)"
NEWEST=$(device ann put accounts name="Newest")
must device ann sync
must device bob sync
must "$DAMAGE" "$WORK/bob/replica" records last
must device ann put accounts "$NEWEST" website=w1
must device ann put accounts "$FIRST" website=w2
must device ann sync
expect "a sync goes round it" "0 w2" "$(status_of device bob sync) $(json bob get accounts "$FIRST" | jq -r .fields.website)"
must device bob sync
expect "and the next pulls it again" w1 "$(json bob get accounts "$NEWEST" | jq -r .fields.website)"
expect "then the device is whole" 0 "$(status_of device bob verify)"

# ---- What is kept of acknowledged commits -----------------------------------------------------------
KEPT=$(device bob put accounts name="Kept")
must device bob sync
must "$DAMAGE" "$WORK/bob/replica" commits last
must device bob put accounts "$KEPT" website=unsent
for i in 1 2; do expect "an answer that rots holds up no sync" 0 "$(status_of device bob sync)"; done
expect "it is named" "8 1" "$(status_of json bob verify) $(jq '[.bad[] | select(startswith("commits/"))] | length' "$WORK/out")"
expect "heal says which" "0 acknowledged $KEPT" "$(status_of json bob heal) $(jq -r '.mended[] | "\(.state) \(.records[0].id)"' "$WORK/out")"
expect "and mends it" 0 "$(status_of device bob verify)"
rot bob 1 03
expect "of an entry with a copy" "8 0 acknowledged $KEPT" "$(status_of json bob verify) $(status_of json bob heal) $(jq -r '.mended[] | "\(.state) \(.records[0].id)"' "$WORK/out")"
expect "the copy is enough" 0 "$(status_of device bob verify)"
rot bob 1 ff
expect "without it heal says that it is lost" "0 acknowledged" "$(status_of json bob heal) $(jq -r '.lost[].state' "$WORK/out")"
expect "and verify agrees" 0 "$(status_of device bob verify)"

# ---- The server's store -----------------------------------------------------------------------------
LAST=$(ctl record put accounts name="Rots" territory=north)
[[ $LAST =~ ([0-9a-f]{8}-[0-9a-f-]{27}) ]] && LAST=${BASH_REMATCH[1]}
must device ann sync
LAST_NUMBER=$(ctl -o json status | jq .records)  # Nothing was ever erased: it is the newest.
make_users cay
ctl dump --canonical --user cay >"$WORK/whole"
stop_server
must "$DAMAGE" "$DATA/workspaces/main/data" records "$(key_of "$LAST_NUMBER")"
start_server
must device cay enroll "$(ctl device enroll --user cay)"
expect "a new device gets all the rest" 0 "$(status_of device cay sync)"
grep -v "$LAST" "$WORK/whole" >"$WORK/rest"
expect "byte for byte" "$(cat "$WORK/rest")" "$(device cay dump --canonical)"
expect "status names the record" "accounts $LAST" "$(ctl -o json status | jq -r '.damaged[] | "\(.collection) \(.id)"')"
expect_match "so does the log" "\"level\":\"error\",\"msg\":\"record_damaged\",\"record\":\"accounts $LAST\"" "$(cat "$WORK/server.log")"
expect "fsck ends with" 8 "$(status_of ctl -o json fsck)"
expect_match "and names it" "accounts $LAST cannot be read" "$(cat "$WORK/out")"
expect "a dump does not leave it out in silence" 8 "$(status_of ctl dump --canonical)"
expect_match "and says which" "accounts $LAST" "$(cat "$WORK/err")"
must device ann set-add accounts "$LAST" team=ann
expect "a write to it does not stop its author" 0 "$(status_of device ann sync)"
ITEM=$(json ann inbox | jq .id)
expect "it waits in his inbox" "store_corrupt damaged-on-server" "$(json ann inbox | jq -r '"\(.code) \(.rule)"')"
expect "who asks for it is told which" 8 "$(status_of ctl record get accounts "$LAST")"
expect_match "by its id" "the server's record $LAST" "$(cat "$WORK/err")"
stop_server
must "$DAMAGE" "$DATA/workspaces/main/data" records "$(key_of "$LAST_NUMBER")"
start_server
expect "repaired, it is no alarm" "[]" "$(ctl -o json status | jq -c .damaged)"
must device cay sync
expect "and reaches who had passed it over" "$(cat "$WORK/whole")" "$(device cay dump --canonical)"
expect "what was refused is written again" 0 "$(status_of device ann inbox retry "$ITEM")"
expect "an item that was retried is gone" 0 "$(json ann inbox | wc -l)"
must device ann sync
expect "and takes effect" '["ann"]' "$(ctl -o json record get accounts "$LAST" | jq -c .fields.team)"
expect "a retry of nothing" 4 "$(status_of device ann inbox retry "$ITEM")"
stop_server
finish
