#!/bin/bash
# The commit log is trimmed: devices that kept up go on, those far behind begin anew, today's work
# first, and nothing of anybody's is lost.
. "$(dirname "$0")/lib.sh" "$1"
device() { local home=$1; shift; "$BIN/satchel" --home "$WORK/$home" "$@"; }
must() { "$@" >"$WORK/must.out" 2>&1 || fatal "$*: $(cat "$WORK/must.out")"; }
log_from() { ctl -o json status | jq .log_from; }
make_server
sed -i 's/^log = .*/log = 2/' "$DATA/satcheld.toml"  # At most 16 times as many for who is behind.
start_server
must ctl user create ann --role rep
for home in ann late; do must device "$home" enroll "$(ctl device enroll --user ann)"; done
ID=$(device ann put accounts name=First)
VISIT=$(device ann put visits account="$ID" plannedStart="$(date -u +%Y-%m-%dT%H:%M:%SZ)")
must device ann sync
must device late sync
must device late put accounts "$ID" website=offline
for i in $(seq 60); do echo "{\"name\":\"Shop $i\"}"; done >"$WORK/shops.ndjson"
must ctl import accounts "$WORK/shops.ndjson" --key name
for i in $(seq 40); do echo "put accounts \"$ID\" industry=i$i"; done >"$WORK/words"
must device ann shell <"$WORK/words"
must device ann sync
BEFORE=$(ctl dump --canonical)
must device ann sync

stop_server
start_server
for _ in $(seq 100); do [ "$(log_from)" -gt 1 ] && break; sleep 0.1; done
SEQUENCE=$(ctl -o json status | jq .sequence)
expect "a server that starts looks at its log" "$((SEQUENCE - 32 + 1))" "$(log_from)"
expect "which changes nothing of what it holds" "$BEFORE" "$(ctl dump --canonical)"
CURSOR=$(ctl -o json status | jq '[.devices[].cursor] | min')
expect "who is far behind is not waited for" 1 "$([ "$CURSOR" -lt "$(log_from)" ] && echo 1)"

must device late sync
expect "and begins anew" "$(ctl dump --canonical --user ann)" "$(device late dump --canonical)"
expect "with his own work in it" '"offline"' "$(device ann sync >/dev/null; device ann -o json get accounts "$ID" | jq .fields.website)"
must device fresh enroll "$(ctl device enroll --user ann)"
must device fresh sync
expect "a new device too" "$(ctl dump --canonical --user ann)" "$(device fresh dump --canonical)"
expect "today's visit is among it" "$ID" "$(device fresh -o json get visits "$VISIT" | jq -r .fields.account)"
expect "no copy is suspected" false "$(ctl -o json status | jq .recovering)"
expect "the store is whole" 0 "$(ctl fsck >/dev/null; echo $?)"
stop_server
finish
