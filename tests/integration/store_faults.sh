#!/bin/bash
# A store that is full says so and lives on; a disk that fails ends the server with 75.
. "$(dirname "$0")/lib.sh" "$1"
SHIM=$2
status_of() { "$@" >"$WORK/out" 2>"$WORK/err"; echo $?; }
make_server
sed -i 's/^map_size = .*/map_size = "16MiB"/' "$DATA/satcheld.toml"
start_server
ctl user create ann --role rep >/dev/null || fatal "user create"
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
stop_server
expect "it drains" 0 "$SERVER_STATUS"
sed -i 's/^map_size = .*/map_size = "64GiB"/' "$DATA/satcheld.toml"
start_server
expect "with more room it goes on" 0 "$(status_of ctl import accounts "$WORK/big.ndjson")"
expect "all of it" 400 "$(ctl export accounts | wc -l)"
stop_server

# A disk that fails.
export SATCHEL_FAIL_SYNC=$WORK/fail
start_server env LD_PRELOAD="$SHIM"
ctl user create bob --role rep >/dev/null || fatal "user create"
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
finish
