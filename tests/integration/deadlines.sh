#!/bin/bash
# Who stops half way is let go at a deadline, holds up nobody, and leaves nothing behind.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server
descriptors() { ls "/proc/$SERVER_PID/fd" | wc -l; }
BEFORE=$(descriptors)
python3 "$(dirname "$0")/silent_peers.py" "${HOSTPORT%:*}" "${HOSTPORT##*:}" "$CA" >"$WORK/peers" &
PEERS=$!
sleep 3
expect "five peers are waited for" $((BEFORE + 5)) "$(descriptors)"
expect "and others are answered" 200 "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" "$URL/healthz")"
wait "$PEERS"

# within PEER FROM TO: it was let go after that many seconds.
within() {
  local after
  after=$(sed -n "s/^$1 //p" "$WORK/peers")
  expect_match "$1 is let go, after $after s" '^[0-9]+$' "$after"
  [[ $after =~ ^[0-9]+$ ]] && expect "$1: $2 to $3 s" yes \
    "$([ "$after" -ge "$2" ] && [ "$after" -le "$3" ] && echo yes || echo "$after")"
}
within no-tls 9 20
within no-request 59 70
within half-a-header 59 70
within half-a-body 59 70
within no-hello 19 30
for _ in $(seq 50); do
  [ "$(descriptors)" -le "$BEFORE" ] && break
  sleep 0.1
done
expect "nothing is left open" "$BEFORE" "$(descriptors)"
stop_server
expect "and it drains" 0 "$SERVER_STATUS"
finish
