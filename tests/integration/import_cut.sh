#!/bin/bash
# Imports that are cut by kill -9, on either side, and run again.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
ROWS=3000
FED=2500
{
  echo sku,name,category
  for i in $(seq "$ROWS"); do echo "A-$i,\"Bolt $i, galvanised\",$((i % 9))"; done
} >"$WORK/products.csv"
records() { ctl -o json status | jq .records; }
# What was written, without what names the run: ids follow from the workspace.
written() { ctl export products | jq -cS '.fields | del(.createdAt)' | sort; }
# Waits until the server holds more than $1 records.
wait_for_more_than() {
  for _ in $(seq 600); do
    [ "$(records)" -gt "$1" ] && return
    sleep 0.1
  done
  fatal "the import stands still at $(records) records"
}
# Begins an import that is fed all but the last rows and then waits for more: sets IMPORT_PID.
begin_import() {
  rm -f "$WORK/feed.csv"
  mkfifo "$WORK/feed.csv"
  "$BIN/satchelctl" --data "$DATA" import products "$WORK/feed.csv" --key sku >"$WORK/out" 2>"$WORK/err" &
  IMPORT_PID=$!
  exec 9>"$WORK/feed.csv"
  head -$((FED + 1)) "$WORK/products.csv" >&9
}

make_server
start_server
expect "an import that nobody cuts" 0 "$(status_of ctl import products "$WORK/products.csv" --key sku)"
written >"$WORK/wanted"
stop_server
rm -rf "$DATA"
make_server
start_server

begin_import
wait_for_more_than 0
kill -KILL "$IMPORT_PID"
wait "$IMPORT_PID" 2>/dev/null
exec 9>&-
HELD=$(records)
expect "satchelctl was cut half way" 1 "$((HELD > 0 && HELD < ROWS))"

begin_import
sleep 0.2
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
# What is left to say finds nobody.
tail -n +$((FED + 2)) "$WORK/products.csv" >&9
exec 9>&-
wait "$IMPORT_PID"
expect "satchelctl says that the server has gone" 7 $?
start_server
KEPT=$(records)
expect "what was told of is there" 1 "$((KEPT >= HELD && KEPT < ROWS))"

expect "run again it goes on" 0 "$(status_of ctl -o json import products "$WORK/products.csv" --key sku)"
expect "with what is missing" "$((ROWS - KEPT))" "$(jq '.created' "$WORK/out")"
expect "and passes over what is there" "$KEPT" "$(jq '.unchanged' "$WORK/out")"
written | cmp - "$WORK/wanted"
expect "to the same end" 0 $?
ctl dump --canonical --clocks >"$WORK/before"
expect "once more" 0 "$(status_of ctl -o json import products "$WORK/products.csv" --key sku)"
expect "changes nothing" "0 0 $ROWS" "$(jq -r '"\(.created) \(.updated) \(.unchanged)"' "$WORK/out")"
ctl dump --canonical --clocks | cmp - "$WORK/before"
expect "not one byte" 0 $?
expect "the store is sound" 0 "$(status_of ctl fsck)"
stop_server
finish
