#!/bin/bash
# A thousand peers that drip headers, drip bodies and do not read: who is honest is served as ever,
# they are let go at their deadlines, and what they cost is bounded. Nor do those who take every
# place that a listener has shut anybody out.
. "$(dirname "$0")/lib.sh" "$1"
PEERS=1000
DEVICES=4
[ "$(ulimit -Hn)" -ge 4096 ] || { echo "SKIPPED: needs 4,096 file descriptors"; exit 0; }
make_server
# As a service is often started: the server raises it itself.
ulimit -Sn 1024
start_server
descriptors() { ls "/proc/$SERVER_PID/fd" | wc -l; }
anonymous_kib() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$SERVER_PID/status"; }
for n in $(seq "$DEVICES"); do make_rep "rep$n"; done
BEFORE=$(descriptors)
BEFORE_KIB=$(anonymous_kib)

# works NAME: a device that counts and syncs until the peers have gone; how often, in $WORK/NAME.did,
# and what of it failed, in $WORK/NAME.failed.
works() {
  local id rounds=0
  id=$(device "$1" put accounts industry=retail)
  while [ ! -e "$WORK/gone" ]; do
    rounds=$((rounds + 1))
    device "$1" add accounts "$id" visitCount=1 >/dev/null 2>>"$WORK/$1.failed"
    device "$1" sync >/dev/null 2>>"$WORK/$1.failed"
    curl -sS -f -o /dev/null --cacert "$CA" "$URL/readyz" 2>>"$WORK/$1.failed"
    echo "$id $rounds" >"$WORK/$1.did"
    sleep 0.3
  done
}
python3 "$(dirname "$0")/slow_peers.py" "${HOSTPORT%:*}" "${HOSTPORT##*:}" "$CA" "$PEERS" \
  >"$WORK/peers" &
CROWD=$!
WORKERS=()
for n in $(seq "$DEVICES"); do
  works "rep$n" &
  WORKERS+=($!)
done
MOST=0
MOST_KIB=0
while kill -0 "$CROWD" 2>/dev/null; do
  NOW=$(descriptors)
  [ "$NOW" -gt "$MOST" ] && MOST=$NOW
  NOW=$(anonymous_kib)
  [ "$NOW" -gt "$MOST_KIB" ] && MOST_KIB=$NOW
  sleep 1
done
wait "$CROWD"
touch "$WORK/gone"
wait "${WORKERS[@]}"

expect "they were there, all at once" yes "$([ "$MOST" -ge $((BEFORE + PEERS)) ] && echo yes || echo "$MOST")"
# One costs what any connection does: OpenSSL's part, a request, an answer.
EACH_KIB=$(((MOST_KIB - BEFORE_KIB) / PEERS))
expect "what one of them costs, at most 128 KiB" yes "$([ "$EACH_KIB" -le 128 ] && echo yes || echo "$EACH_KIB")"
for kind in "header 334" "body 333" "reader 333"; do
  expect_match "every slow $kind was let go" "^$kind [0-9]+ [0-9]+$" "$(cat "$WORK/peers")"
done
expect "none before its deadline" "" "$(awk 'NR > 1 && $3 < 59' "$WORK/peers")"
# More than an admin's listener holds, who come back as soon as they are let go.
python3 "$(dirname "$0")/slow_peers.py" "${HOSTPORT%:*}" "${ADMIN_URL##*:}" "$CA" 150 again \
  >"$WORK/besiegers" &
BESIEGERS=$!
for _ in $(seq 300); do
  [ -s "$WORK/besiegers" ] && break
  sleep 0.1
done
expect "the besiegers were there" ready "$(cat "$WORK/besiegers")"
for time in 1 2 3 4 5; do
  expect "an admin gets in, $time" 0 "$(status_of ctl user list)"
  sleep 1
done
kill "$BESIEGERS"
wait "$BESIEGERS" 2>/dev/null
must ctl dump --canonical
mv "$WORK/out" "$WORK/dump"
for n in $(seq "$DEVICES"); do
  read -r id rounds <"$WORK/rep$n.did"
  expect "rep$n: nothing failed in $rounds rounds" "" "$(head -3 "$WORK/rep$n.failed")"
  expect "rep$n: what it counted" "$rounds" \
    "$(sed -nE "s/.*\"visitCount\":([0-9]*).*\"$id\".*/\1/p" "$WORK/dump")"
done
for _ in $(seq 100); do
  [ "$(descriptors)" -le "$BEFORE" ] && break
  sleep 0.1
done
expect "nothing is left open" "$BEFORE" "$(descriptors)"
echo "$MOST descriptors and $EACH_KIB KiB each at most; let go after (first, last, in seconds):" \
  "$(sed -n '2,$p' "$WORK/peers" | paste -sd ';')"
stop_server
expect "and it drains" 0 "$SERVER_STATUS"
finish
