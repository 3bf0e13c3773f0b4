#!/bin/bash
# The device's command: shapes, exit statuses, who may hold a home, keys, shell, watch, batch.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
status_of() {
  "$@" >/dev/null 2>&1
  echo $?
}
# The one line of an error: its code, or the whole where the form is another.
code_of() { "$@" 2>&1 >/dev/null | sed -E 's/^error: ([a-z_]+): .*$/\1/'; }
problem_of() { "$@" 2>&1 >/dev/null | jq -r .code; }
keys() { jq -rS 'keys | join(",")'; }
NOBODY=018f3c5e-7b1a-7c3d-9e4f-000000000000

make_server
start_server
make_users ann bob
for user in ann bob; do
  must device $user enroll "$(ctl device enroll --user $user)" --name tablet
done

# ---- Enrolment -----------------------------------------------------------------------------------
CODE=$(ctl device enroll --user ann)
expect "enrol where a replica is" 6 "$(status_of device ann enroll "$CODE")"
must device second enroll "$CODE"
expect "a code's second use" 5 "$(status_of device third enroll "$CODE")"
expect "its code" enrolment_used "$(code_of device third enroll "$CODE")"
expect "a code with a slip" enrolment_invalid "$(code_of device third enroll "${CODE%?????}aaaaa")"
must device third enroll "$(ctl device enroll --user ann)"
expect "the key file is its owner's" 600 "$(stat -c %a "$WORK/ann/key")"

# ---- Shapes --------------------------------------------------------------------------------------
ID=$(device ann put accounts name="Shop 1" type=shop status=active openingHours.mon=8-12 \
  billingAddress:='{"city":"Lyon","country":"FR"}' lastVisitAt=2024-05-01 tags:='["x","y"]')
expect_match "put prints the id" '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' "$ID"
expect "get" "collection,conflicts,fields,id,withheld" "$(json ann get accounts "$ID" | keys)"
expect "a date in microseconds" 1714521600000000 "$(json ann get accounts "$ID" | jq .fields.lastVisitAt)"
expect "a member of a struct" Lyon "$(json ann get accounts "$ID" | jq -r .fields.billingAddress.city)"
must device ann add accounts "$ID" visitCount=-3
must device ann set-remove accounts "$ID" tags=x
must device ann put accounts "$ID" billingAddress.city=Nice openingHours.mon= type=
expect "edited" '{"city":"Nice","country":"FR"}|-3|["y"]|null|null' \
  "$(json ann get accounts "$ID" | jq -rc '.fields | [.billingAddress, .visitCount, .tags, .openingHours, .type] |
     map(tojson) | join("|")')"
OPP=$(device ann put opportunities name=Deal amount:='{"minor":20000,"currency":"EUR"}' pipeline.stage=prospecting)
must device ann log-append opportunities "$OPP" stageHistory:='{"stage":"prospecting","by":"ann"}'
expect "a log" prospecting "$(json ann get opportunities "$OPP" | jq -r '.fields.stageHistory[0].stage')"
expect "status" "cursor,incarnation,last_sync,leases,pending,phase,rejected,replica,versions" \
  "$(json ann status | jq -rS '{phase,pending,rejected,last_sync,replica,incarnation,cursor,leases,versions} | keys | join(",")')"
expect "its versions" "protocol,schema,store" "$(json ann status | jq .versions | keys)"
expect "what waits" "$(json ann status | jq .pending)" "$(json ann pending | wc -l)"
expect "pending show" "$ID" "$(json ann pending show 1 | jq -r '.records[0].id')"
expect "explain" "concurrent,field,losers,restore,retention,rule,sentence,shown" "$(json ann explain accounts "$ID" name | keys)"
expect "explain's inputs" "dot,replica,stamp,value" "$(json ann explain accounts "$ID" name | jq '.concurrent[0]' | keys)"
expect "verify" '{"bad":[],"damaged_outbox":[],"key":"ok","lost_outbox":[]}' "$(json ann verify | jq -cS 'del(.values)')"
expect "dump is sorted" "$(device ann dump --canonical | LC_ALL=C sort -s)" "$(device ann dump --canonical)"
expect "a query" "$OPP" "$(json ann query opportunities 'territory = "north" and (pipeline.stage != "lost" or amount.minor > 10000)' | jq -r .id)"
expect "before a date" "$ID" "$(json ann query accounts 'lastVisitAt < 2024-05-02' | jq -r .id)"
expect "from a time in quotes" "$ID" "$(json ann query accounts 'lastVisitAt >= "2024-05-01T00:00:00Z"' | jq -r .id)"
expect "after a time" "" "$(json ann query accounts 'lastVisitAt > 2024-05-01T02:00:00+02:00')"
expect "in, like, exists" "$ID" \
  "$(json ann query accounts 'name in ("Shop 1", "x") and name like "Shop%" and billingAddress.city exists' | jq -r .id)"
expect "a plan" "equality" "$(json ann query accounts 'territory = "north"' --plan | jq -r .kind)"
expect "an order" "$OPP" "$(device ann put opportunities name=Abc >/dev/null; json ann query opportunities --order -name --limit 1 | jq -r .id)"
expect "a search" "$ID" "$(json ann search SHÖP | jq -r .id)"

# ---- Exit statuses and errors --------------------------------------------------------------------
expect "no verb" 2 "$(status_of device ann)"
expect "an unknown verb" 2 "$(status_of device ann dance)"
expect "help" 0 "$(status_of device ann --help)"
expect "an unknown record" 4 "$(status_of device ann get accounts $NOBODY)"
expect "one line" 1 "$(device ann get accounts $NOBODY 2>&1 | wc -l)"
expect "put on an unknown id" 4 "$(status_of device ann put accounts $NOBODY name=x)"
expect "put --new" 0 "$(status_of device ann put accounts $NOBODY --new name=x)"
expect "put --new twice" 6 "$(status_of device ann put accounts $NOBODY --new name=x)"
expect "an unknown collection" collection_unknown "$(code_of device ann get dragons $NOBODY)"
expect "an unknown field" 4 "$(status_of device ann put accounts "$ID" colour=red)"
expect "a type that does not fit" type_mismatch "$(code_of device ann put accounts "$ID" lastVisitAt=soon)"
expect "a query that cannot be read" 2 "$(status_of device ann query accounts 'name =')"
expect "an unknown purpose" 5 "$(status_of device ann --purpose Nonsense get accounts "$ID")"
expect "as a problem" policy_denied "$(problem_of json ann --purpose Nonsense get accounts "$ID")"
must device ann delete accounts $NOBODY
expect "a deleted record" record_deleted "$(code_of device ann get accounts $NOBODY)"
must device ann restore accounts $NOBODY
expect "brought back" 0 "$(status_of device ann get accounts $NOBODY)"
expect "no home" 4 "$(status_of device nobody status)"

# ---- Batches -------------------------------------------------------------------------------------
NEXT=$(json ann status | jq .next_commit)
for i in 1 2 3 4 5; do
  echo "{\"op\":\"put\",\"collection\":\"tasks\",\"id\":\"018f3c5e-7b1a-7c3d-9e4f-00000000100$i\",\"new\":true,\"fields\":{\"title\":\"t$i\"}}"
done >"$WORK/batch"
echo '{"op":"put","collection":"tasks","fields":{"title":"t6","tags":["a"]}}' >>"$WORK/batch"
expect "a batch" '{"commits":1,"lines":6}' "$(json ann batch "$WORK/batch" | jq -c 'del(.ids)')"
expect "is one commit" $((NEXT + 1)) "$(json ann status | jq .next_commit)"
sed -i 's/"new":true,//; $d' "$WORK/batch"
expect "in twos" 3 "$(device ann -o json batch - --commit-every 2 <"$WORK/batch" | jq .commits)"
echo '{"op":"add","collection":"tasks","id":"018f3c5e-7b1a-7c3d-9e4f-000000001001","fields":{"title":1}}' >>"$WORK/batch"
BEFORE=$(json ann status | jq .next_commit)
expect_match "a line that fails" 'line 6' "$(device ann batch "$WORK/batch" 2>&1)"
batch_of() { printf '%s\n' "$1" >"$WORK/batch"; device ann batch "$WORK/batch" 2>&1; }
expect_match "a collection with a NUL" '^error: collection_unknown: ' \
  "$(batch_of '{"op":"put","collection":"tasks\u0000x","fields":{"title":"t"}}')"
expect_match "an operation with a NUL" 'line 1: "op" is put' \
  "$(batch_of '{"op":"put\u0000x","collection":"tasks","fields":{"title":"t"}}')"
expect_match "an operation that is none" '"op" is put' "$(batch_of '{"op":"nuke"}')"
expect_match "an empty id in a batch" '"id" must be' \
  "$(batch_of '{"op":"put","collection":"tasks","id":"","fields":{"title":"t"}}')"
expect "an empty id" 2 "$(device ann put tasks '' title=t >/dev/null 2>&1; echo $?)"
expect "takes its commit with it" "$BEFORE" "$(json ann status | jq .next_commit)"

# ---- Sync ----------------------------------------------------------------------------------------
expect "sync" "attempts,bytes_in,bytes_out,damaged_outbox,ms,pushed,received,refused" "$(json ann sync | keys)"
expect "nothing waits" 0 "$(json ann status | jq .pending)"
must device bob sync
for user in ann bob; do
  expect "$user holds what he may" "$(ctl dump --canonical --clocks --user $user)" \
    "$(device $user dump --canonical --clocks)"
done
same_accounts() { device "$1" dump --canonical --clocks | grep '"collection":"accounts"'; }
expect "both hold the accounts" "$(same_accounts ann)" "$(same_accounts bob)"
expect "the server's dump" "$(device ann dump --canonical)" "$(ctl dump --canonical --user ann)"
expect "a wrong port" 7 "$(status_of device ann --connect 127.0.0.1:1 sync --timeout 5)"
expect "its code" unreachable "$(code_of device ann --connect 127.0.0.1:1 sync)"

# Two devices write a field of which the first write stands; the second one finds its own in the inbox.
PERSON=$(device ann put contacts account="$ID" name.family=Kern)
POINT=$(device ann put contactPoints contact="$PERSON" label=desk)
must device ann sync
must device bob sync
must device ann put contactPoints "$POINT" kind=phone
must device bob put contactPoints "$POINT" kind=email label=home
must device ann sync
expect "a refused write is no failure" 1 "$(json bob sync | jq .refused)"
expect "it is counted" 1 "$(json bob status | jq .rejected)"
expect "inbox" "at,code,commit,fields,id,rule" \
  "$(json bob inbox | jq -rS '{id,commit,code,rule,fields,at} | keys | join(",")')"
expect "what was refused" '["kind"]' "$(json bob inbox | jq -c .fields)"
ITEM=$(json bob inbox | jq .id)
expect "its content" '"email"' "$(json bob inbox show "$ITEM" |
  jq -c '.records[0].writes[] | select(.field == "kind") | .value')"
expect "the first write stands" "phone home" \
  "$(json bob get contactPoints "$POINT" | jq -r '.fields | .kind + " " + .label')"
expect "an item that is none" 4 "$(status_of device bob inbox show 999)"
expect "discard" 0 "$(status_of device bob inbox discard "$ITEM")"
expect "it is gone" 0 "$(json bob status | jq .rejected)"

# Two devices write a field concurrently: who wrote is told as a rep understands it.
MET=$(device ann put accounts name="Met twice")
must device ann sync
must device bob sync
must device third sync
must device ann put accounts "$MET" name="Met by Ann"
must device bob put accounts "$MET" name="Met by Bob"
must device third put accounts "$MET" name="Met by Ann elsewhere"
must device ann sync
must device bob sync
must device third sync
must device ann sync
expect "who wrote" "bob,you,you on another device" \
  "$(json ann explain accounts "$MET" name | jq -r '[.concurrent[].replica] | sort | join(",")')"
expect "in conflicts too" "bob,you,you on another device" \
  "$(json ann conflicts accounts | jq -r 'select(.field == "name") | [.siblings[].replica] | sort | join(",")')"
RESTORE=$(json ann explain accounts "$MET" name | jq -r .restore)
expect_match "how a loser is brought back" "^restore accounts $MET name --dot [0-9a-f]{32}:[0-9]+$" "$RESTORE"
LOST=$(json ann explain accounts "$MET" name | jq -r '(.restore | split(" ") | last) as $d | .concurrent[] | select(.dot == $d) | .value')
# shellcheck disable=SC2086 # The words as explain gives them.
expect "works as it is printed" 0 "$(status_of device ann $RESTORE)"
expect "and brings it back" "$LOST" "$(json ann get accounts "$MET" | jq -r .fields.name)"
expect "which settles it" 0 "$(json ann conflicts accounts | jq -s 'length')"

# Another server behind the same name: the pin does not fit.
OLD=$DATA
DATA=$WORK/other
"$BIN/satcheld" init --data "$DATA" --listen 127.0.0.1:0 >/dev/null
OTHER=$(sed -n 's/^listen = "\(.*\)"/\1/p' "$DATA/satcheld.toml")
"$BIN/satcheld" serve --data "$DATA" >"$WORK/other.out" 2>/dev/null &
OTHER_PID=$!
for _ in $(seq 200); do grep -q '^ready' "$WORK/other.out" && break; sleep 0.05; done
expect "a foreign authority" certificate_wrong "$(code_of device ann --connect "$OTHER" sync)"
expect "ends with" 7 "$(status_of device ann --connect "$OTHER" sync)"
kill -TERM $OTHER_PID
wait $OTHER_PID
DATA=$OLD

# What the server refuses waits in the inbox.
must ctl user create eve --role auditor
must device eve enroll "$(ctl device enroll --user eve)"
EVE=$(status_of device eve put accounts name=x)
expect "an auditor writes nothing" 5 "$EVE"

# ---- Watching ------------------------------------------------------------------------------------
# It waits for its home: the question below holds it for moments.
"$BIN/satchel" --home "$WORK/bob" --wait 20 sync --watch >"$WORK/watch" 2>&1 &
WATCH=$!
for _ in $(seq 100); do [ "$(status_of device bob status)" = 6 ] && break; sleep 0.05; done
expect_match "a home that is held names its holder" "process $WATCH" "$(device bob status 2>&1)"
expect "waiting for it" 6 "$(status_of device bob --wait 0.2 status)"
sleep 0.5
must device ann put accounts "$ID" name=Watched
must device ann sync
for _ in $(seq 100); do grep -q Watched "$WORK/watch" && break; sleep 0.05; done
expect "a line per change" "Watched" "$(grep Watched "$WORK/watch" | jq -r .fields.name)"
expect "its shape" "collection,fields,id,seq" "$(grep Watched "$WORK/watch" | keys)"
kill -TERM $WATCH
wait $WATCH
expect "watching ends well" 0 $?
expect "with a timeout too" 0 "$(status_of timeout 20 "$BIN/satchel" --home "$WORK/bob" sync --watch --timeout 1)"

# ---- The shell -----------------------------------------------------------------------------------
mkfifo "$WORK/words"
"$BIN/satchel" --home "$WORK/ann" shell <"$WORK/words" >"$WORK/shell" 2>&1 &
SHELL_PID=$!
exec 8>"$WORK/words"
echo "put accounts \"$ID\" name='From the shell'" >&8
echo "get accounts $ID" >&8
echo "get accounts 018f3c5e-7b1a-7c3d-9e4f-0123456789ff" >&8
echo "query accounts \"name = 'From the shell'\"" >&8
echo "sync" >&8
for _ in $(seq 100); do [ "$(grep -c -v event "$WORK/shell")" -ge 5 ] && break; sleep 0.05; done
must device bob sync
must device bob put accounts "$ID" industry=shelled
must device bob sync
for _ in $(seq 100); do grep -q shelled "$WORK/shell" && break; sleep 0.05; done
exec 8>&-
wait $SHELL_PID
expect "the shell ends well" 0 $?
expect "one object a line" "$(wc -l <"$WORK/shell")" "$(jq -c 'type' "$WORK/shell" | grep -c object)"
grep -v '"event"' "$WORK/shell" >"$WORK/answers"
expect "a record" "From the shell" "$(sed -n 2p "$WORK/answers" | jq -r .fields.name)"
expect "an error" record_unknown "$(sed -n 3p "$WORK/answers" | jq -r .error.code)"
expect "rows" 1 "$(sed -n 4p "$WORK/answers" | jq '.rows | length')"
expect "a change in the background" shelled "$(grep shelled "$WORK/shell" | jq -r .fields.industry)"
expect "went out in the background" "From the shell" "$(json bob get accounts "$ID" | jq -r .fields.name)"

# ---- Keys ----------------------------------------------------------------------------------------
must device bob rekey
expect "after a rekeying" 0 "$(status_of device bob verify)"
mv "$WORK/bob/key" "$WORK/bob.key"
expect "without its key" key_lost "$(code_of device bob status)"
expect "verify says so" lost "$(json bob verify 2>/dev/null | jq -r .key)"
expect "and ends with" 8 "$(status_of device bob verify)"
expect "another's key" key_wrong "$(code_of device bob --key-file "$WORK/ann/key" status)"
expect "verify says so" wrong "$(json bob --key-file "$WORK/ann/key" verify 2>/dev/null | jq -r .key)"
expect "the key from elsewhere" 0 "$(SATCHEL_KEY_FILE=$WORK/bob.key status_of device bob status)"
head -c 20 "$WORK/bob.key" >"$WORK/bob/key"
chmod 600 "$WORK/bob/key"
expect "half a key" key_malformed "$(code_of device bob status)"
expect "is a configuration error" 3 "$(status_of device bob status)"
must device bob wipe
expect "nothing is left" "lock" "$(ls "$WORK/bob")"
must device bob enroll "$(ctl device enroll --user bob)"
must device bob sync
expect "and back" "$(device bob dump --canonical)" "$(ctl dump --canonical --user bob)"

# ---- Damage --------------------------------------------------------------------------------------
make_users dan
must device dan enroll "$(ctl device enroll --user dan)"
must device dan sync
must device dan put accounts name="Sent" description="$(head -c 30000 /dev/urandom | base64 -w0)"
must device dan sync
must device dan put accounts name="Waits" description="$(head -c 30000 /dev/urandom | base64 -w0)"
WAITS=$(json dan pending | jq .commit)
# One bit at many places: each is found, and what of it the outbox has lost is named.
python3 - "$WORK" "$BIN/satchel" >"$WORK/damage" <<'PY'
import json, pathlib, shutil, subprocess, sys
work, satchel = pathlib.Path(sys.argv[1]), sys.argv[2]
whole = (work / "dan/replica/data.mdb").read_bytes()
for at in range(8192 + 1024, len(whole), 4096):
    shutil.rmtree(work / "damaged", ignore_errors=True)
    shutil.copytree(work / "dan", work / "damaged")
    damaged = bytearray(whole)
    damaged[at] ^= 16
    (work / "damaged/replica/data.mdb").write_bytes(damaged)
    told = subprocess.run([satchel, "--home", work / "damaged", "-o", "json", "verify"],
                          capture_output=True, text=True)
    report = json.loads(told.stdout)
    print(told.returncode, report["key"], bool(report["bad"]),
          json.dumps([each["commit"] for each in report["damaged_outbox"]]))
PY
expect "a report of every damage" 0 "$(grep -cvE '^(8 ok True|0 ok False) ' "$WORK/damage")"
expect_match "damage is found" '^8 ok True \[\]$' "$(cat "$WORK/damage")"
expect_match "a damaged outbox entry is named" "^8 ok True \\[$WAITS\\]$" "$(cat "$WORK/damage")"

# ---- A wipe from afar ------------------------------------------------------------------------------
make_users zoe
must device zoe enroll "$(ctl device enroll --user zoe)"
must device zoe sync
ZOE=$(json zoe status | jq -r .device)
# It waits for its home, as above.
"$BIN/satchel" --home "$WORK/zoe" --wait 20 sync --watch >/dev/null 2>"$WORK/zoe.err" &
WATCH=$!
for _ in $(seq 100); do [ "$(status_of device zoe status)" = 6 ] && break; sleep 0.05; done
sleep 0.5
expect "a wipe is ordered" ordered "$(ctl -o json device wipe "$ZOE" | jq -r .wipe)"
for _ in $(seq 100); do kill -0 $WATCH 2>/dev/null || break; sleep 0.1; done
kill -0 $WATCH 2>/dev/null && { expect "watching ends with it" ended running; kill -KILL $WATCH; }
wait $WATCH
expect "watching ends with" 5 $?
expect_match "and says why" '^error: device_wiped: ' "$(cat "$WORK/zoe.err")"
expect "nothing is left of it" "lock" "$(ls "$WORK/zoe")"
expect "the order was carried" told "$(ctl -o json device show "$ZOE" | jq -r .wipe)"
expect "it is revoked as well" true "$(ctl -o json device show "$ZOE" | jq .revoked)"
expect "a device that is none" 4 "$(status_of ctl device wipe 00000000000000000000000000000001)"

# ---- Days of history ------------------------------------------------------------------------------
OLD=$(device ann put visits account="$ID" plannedStart="$(date -u -d '100 days ago' +%F)")
NEW=$(device ann put visits account="$ID" plannedStart="$(date -u -d '5 days ago' +%F)")
must device ann sync
must device bob sync
expect "narrow" '{"days":30,"gone":1}' "$(json bob narrow --days 30)"
expect "an older visit is gone" 4 "$(status_of device bob get visits "$OLD")"
expect "a newer one is not" 0 "$(status_of device bob get visits "$NEW")"
must device ann put visits "$OLD" skipReason=closed
must device ann sync
must device bob sync
expect "an edit does not bring it back" 4 "$(status_of device bob get visits "$OLD")"
expect "status says it" 30 "$(json bob status | jq .history_days)"
must device bob narrow --days 0
must device bob sync
expect "all of it is back" closed "$(json bob get visits "$OLD" | jq -r .fields.skipReason)"
expect "too many days" 1 "$(status_of device bob narrow --days 36501)"
expect "no days" 2 "$(status_of device bob narrow --days "")"
expect "without a number" 2 "$(status_of device bob narrow)"

# ---- Revocation ----------------------------------------------------------------------------------
# Who is watching is told, and does not wait for ever.
"$BIN/satchel" --home "$WORK/third" sync --watch >"$WORK/watch2" 2>"$WORK/watch2.err" &
WATCH=$!
mkfifo "$WORK/words2"
"$BIN/satchel" --home "$WORK/bob" shell <"$WORK/words2" >"$WORK/shell2" 2>&1 &
SHELL_PID=$!
exec 8>"$WORK/words2"
echo "sync" >&8
for _ in $(seq 100); do grep -q pushed "$WORK/shell2" && break; sleep 0.05; done
sleep 0.5
must ctl user disable bob
for id in $(ctl device list -o json | jq -r 'select(.user == "ann") | .id'); do must ctl device revoke "$id"; done
for _ in $(seq 100); do kill -0 $WATCH 2>/dev/null || break; sleep 0.1; done
kill -0 $WATCH 2>/dev/null && { expect "watching ends when it is revoked" ended running; kill -KILL $WATCH; }
wait $WATCH
expect "with" 5 $?
expect_match "and says why" '^error: device_revoked: ' "$(cat "$WORK/watch2.err")"
for _ in $(seq 100); do grep -q ended "$WORK/shell2" && break; sleep 0.1; done
exec 8>&-
wait $SHELL_PID
expect_match "a shell says so in a line" 'revoked|disabled' "$(grep '"event":"ended"' "$WORK/shell2" | jq -r .error.code | head -1)"
expect "a revoked device" device_revoked "$(code_of device ann sync)"
finish
