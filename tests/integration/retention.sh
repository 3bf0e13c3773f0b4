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
make_users ann
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

# The server is put back to what it was, and the device's first sessions with it are cut: it shows
# what it did until it has been told of all of it anew.
stop_server
cp -r "$DATA" "$WORK/copy"
start_server
RETURNED=$(device ann put accounts name=Later)
must device ann sync
must device late add accounts "$ID" visitCount=2
must device late sync
must device late put accounts "$ID" website=unsent
must device late add accounts "$ID" visitCount=1
BEFORE=$(device late dump --canonical)
LIFE=$(device late -o json status | jq -r .incarnation)
HEARD_ALL=$(device late -o json status | jq -r .last_sync)
stop_server
rm -r "$DATA" && mv "$WORK/copy" "$DATA"
start_server
device ann sync >/dev/null 2>&1  # Notices it.
CUT=0
for bytes in 1000 3000 4000 5000 6000 7000 8000 10000 12000 15000; do
  python3 "$(dirname "$0")/../faults/fault_proxy.py" "${HOSTPORT##*:}" cut down "$bytes" >"$WORK/proxy.port" &
  PROXY=$!
  for _ in $(seq 50); do [ -s "$WORK/proxy.port" ] && break; sleep 0.1; done
  device late --connect "127.0.0.1:$(cat "$WORK/proxy.port")" sync --timeout 20 >/dev/null 2>&1
  STATUS=$?
  kill "$PROXY" 2>/dev/null
  wait "$PROXY" 2>/dev/null
  # Cut behind the last page: what the server has lost is gone then.
  [ "$(device late -o json status | jq -r .last_sync)" != "$HEARD_ALL" ] && break
  [ "$(device late -o json status | jq -r .incarnation)" != "$LIFE" ] && CUT=$((CUT + 1))
  expect "cut after $bytes bytes it shows what it did" "$BEFORE" "$(device late dump --canonical)"
done
expect "sessions were cut behind the welcome" 1 "$([ "$CUT" -gt 0 ] && echo 1)"
must device late sync
must device ann sync
must device late sync
expect "and what everybody brought back is there" "$(ctl dump --canonical --user ann)" "$(device late dump --canonical)"
expect "his own too" 1 "$(device late dump --canonical | grep -c '"website":"unsent"')"
expect "what came after the copy was brought back" "$RETURNED" "$(device late -o json get accounts "$RETURNED" | jq -r .id)"
stop_server
finish
