#!/bin/bash
# A store that is full says so and lives on; a disk that fails ends the server with 75.
. "$(dirname "$0")/lib.sh" "$1"
SHIM=$2
make_server
sed -i 's/^map_size = .*/map_size = "16MiB"/' "$DATA/satcheld.toml"
start_server
make_users ann
"$BIN/satchel" --home "$WORK/ann" enroll "$(ctl device enroll --user ann)" >/dev/null || fatal enroll

# Full.
filler=$(head -c 60000 /dev/zero | tr '\0' 'x')
for i in $(seq 400); do printf '{"id":"01900000-0000-7000-8000-%012d","name":"n","description":"%s"}\n' "$i" "$filler"; done >"$WORK/big.ndjson"
expect "an import that does not fit" 1 "$(status_of ctl import accounts "$WORK/big.ndjson")"
expect_match "says so" '^error: store_full: ' "$(cat "$WORK/err")"
expect "the server lives on" 0 "$(status_of ctl dump --canonical)"
expect "nothing of a batch that failed is half there" 0 \
  "$(ctl export accounts | grep -vc '"description"')"
expect "and its store is whole" 0 "$(status_of ctl fsck)"
# Up to the last row that fits, so that a device's commit of its size does not.
fill() {  # lines at once
  for from in $(seq 1 "$1" 400); do
    sed -n "$from,$((from + $1 - 1))p" "$WORK/big.ndjson" >"$WORK/part.ndjson"
    [ "$(status_of ctl import accounts "$WORK/part.ndjson")" = 0 ] || return
  done
}
fill 20
fill 1
device() { "$BIN/satchel" --home "$WORK/ann" "$@"; }
KEPT=$(device put accounts name=Kept description="$filler") || fatal put
expect "a device whose commit does not fit" 1 "$(status_of device sync)"
expect_match "is told whose store it is" "^error: store_full: .*of the server's store" "$(cat "$WORK/err")"
expect "and keeps its work" "$KEPT" "$(device -o json pending | grep -o "$KEPT")"
"$BIN/satchel" --home "$WORK/ann" sync --watch --timeout 100 --retries 9 >"$WORK/watch" 2>"$WORK/watch.err" &
WATCH=$!
sleep 2
expect "a device that stays waits" yes "$(kill -0 $WATCH 2>/dev/null && echo yes)"
stop_server
expect "it drains" 0 "$SERVER_STATUS"
sed -i 's/^map_size = .*/map_size = "64GiB"/' "$DATA/satcheld.toml"
start_server
expect "with more room it goes on" 0 "$(status_of ctl import accounts "$WORK/big.ndjson")"
# The device comes back after the half minute that the server asked for.
for _ in $(seq 450); do ctl export accounts | grep -q "$KEPT" && break; sleep 0.1; done
expect "what the device kept has come" 1 "$(ctl export accounts | grep -c "$KEPT")"
expect "all of it" 401 "$(ctl export accounts | wc -l)"
kill -TERM $WATCH
wait $WATCH
expect "nothing waits any more" 0 "$(device -o json pending | wc -l)"
stop_server

# A disk that fails.
export SATCHEL_FAIL_SYNC=$WORK/fail
start_server env LD_PRELOAD="$SHIM"
make_users bob
touch "$SATCHEL_FAIL_SYNC"
expect "a write that reaches no disk" 75 "$(status_of ctl user create cay --role rep)"
expect_match "says so" '^error: store_latched: ' "$(cat "$WORK/err")"
for _ in $(seq 200); do kill -0 "$SERVER_PID" 2>/dev/null || break; sleep 0.05; done
wait "$SERVER_PID"
expect "the server ends with 75" 75 $?
SERVER_PID=
rm "$SATCHEL_FAIL_SYNC"
start_server
expect "what was acknowledged is there" 0 "$(status_of ctl user show bob)"
expect "and the store is whole" 0 "$(status_of ctl fsck)"
expect "and takes writes" 0 "$(status_of ctl user create dan --role rep)"
stop_server

# A device's disk that fails.
touch "$SATCHEL_FAIL_SYNC"
expect "a device's write that reaches no disk" 75 "$(status_of env LD_PRELOAD="$SHIM" "$BIN/satchel" --home "$WORK/ann" put accounts name=Lost)"
expect_match "says so" '^error: store_latched: ' "$(cat "$WORK/err")"
start_server
ctl record put accounts name=FromTheOffice territory=north >/dev/null || fatal "record put"
expect "a sync that reaches no disk" 75 "$(status_of env LD_PRELOAD="$SHIM" "$BIN/satchel" --home "$WORK/ann" sync)"
rm "$SATCHEL_FAIL_SYNC"
expect "with a disk that works it goes on" 0 "$(status_of device sync)"
expect "and its store is whole" 0 "$(status_of device verify)"
expect "and holds what came" 1 "$(device dump --canonical | grep -c FromTheOffice)"
stop_server
finish
