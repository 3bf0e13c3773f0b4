#!/bin/bash
# Live sessions: changes as they commit, cuts by an admin, a restart in between.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server
WATCHERS=
trap 'for pid in $WATCHERS; do kill -KILL "$pid" 2>/dev/null; done; cleanup' EXIT
status_of() { "$@" >/dev/null 2>&1; echo $?; }
enrol() {  # home, user
  "$BIN/satchel" --home "$WORK/$1" enroll "$(ctl device enroll --user "$2")" --name "$1" \
    >/dev/null 2>&1 || fatal "enroll $1"
}
watch_home() {  # Sets WATCHER.
  "$BIN/satchel" --home "$WORK/$1" sync --watch >"$WORK/$1.out" 2>"$WORK/$1.err" &
  WATCHER=$!
  WATCHERS="$WATCHERS $WATCHER"
}
# Waits up to 15 s for a text in a file.
appears() {
  for _ in $(seq 150); do
    grep -q -- "$1" "$2" 2>/dev/null && { echo yes; return; }
    sleep 0.1
  done
  echo no
}
make_users ann bob cay
for user in ann bob cay; do enrol "$user" "$user"; done
watch_home ann; ANN=$WATCHER
watch_home bob; BOB=$WATCHER
watch_home cay; CAY=$WATCHER
for user in ann bob cay; do
  expect "$user is connected" yes "$(appears '"collection":"users"' "$WORK/$user.out")"
done

ID=$(ctl record put accounts name=First territory=north)
for user in ann bob cay; do
  expect "$user hears of it" yes "$(appears "$ID" "$WORK/$user.out")"
done
enrol fourth ann
OTHER=$("$BIN/satchel" --home "$WORK/fourth" put accounts name=Second)
expect "a device's push" 0 "$(status_of "$BIN/satchel" --home "$WORK/fourth" sync)"
expect "is heard of as well" yes "$(appears "$OTHER" "$WORK/bob.out")"

# An admin cuts. What is written from then on reaches the device no more, and it is told why.
DEVICE=$(ctl -o json device list | grep '"name":"ann"' | sed 's/.*"id":"\([0-9a-f]*\)".*/\1/')
ctl device revoke "$DEVICE" >/dev/null
expect "a revoked device's session ends" yes "$(appears '"code":"device_revoked"' "$WORK/server.log")"
ctl user disable bob >/dev/null
expect "a disabled user's too" yes "$(appears '"code":"user_disabled"' "$WORK/server.log")"
ID=$(ctl record put accounts name=Secret territory=north)
expect "who may hears of what follows" yes "$(appears "$ID" "$WORK/cay.out")"
sleep 1
expect "who may not does not" 0 "$(cat "$WORK/ann.out" "$WORK/bob.out" | grep -c "$ID")"
kill -TERM "$ANN" "$BOB"
wait "$ANN" "$BOB" 2>/dev/null
for user in ann bob; do
  expect "$user's next sync" 5 "$(status_of "$BIN/satchel" --home "$WORK/$user" sync --retries 0)"
done
ctl user set-role cay manager >/dev/null
ID=$(ctl record put accounts name=Third territory=north)
expect "a new role only begins the session anew" yes "$(appears "$ID" "$WORK/cay.out")"

# A drain closes live sessions at once; they come back.
before=$(date +%s)
stop_server
expect "a drain with live sessions" 0 "$SERVER_STATUS"
expect "does not wait for them" yes "$([ $(($(date +%s) - before)) -lt 10 ] && echo yes)"
start_server
ID=$(ctl record put accounts name=Fourth territory=north)
expect "cay comes back" yes "$(appears "$ID" "$WORK/cay.out")"
expect "and still runs" runs "$(kill -0 "$CAY" 2>/dev/null && echo runs)"
stop_server
finish
