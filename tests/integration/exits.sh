#!/bin/bash
# What each binary ends with, and says, when something is wrong around it.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
# With stdout on a device that is always full.
full_of() { "$@" >/dev/full 2>"$WORK/err"; echo $?; }
device() { "$BIN/satchel" --home "$WORK/ann" "$@"; }
# check STATUS CODE WHAT COMMAND...
check() {
  local wanted=$1 code=$2 what=$3
  shift 3
  expect "$what" "$wanted" "$(status_of "$@")"
  expect_match "$what: says so" "^error: $code: " "$(cat "$WORK/err")"
}
make_server
KEYS=$DATA/workspaces/main/keys
start_server
make_users ann
must device enroll "$(ctl device enroll --user ann)"
must device put accounts name=Shop
must device sync

# ---- A full stdout ---------------------------------------------------------------------------------
for verb in "dump --canonical" status sync "query accounts" verify --help; do
  expect "satchel $verb" 1 "$(full_of device $verb)"
  expect_match "satchel $verb says so" '^error: file_write: ' "$(cat "$WORK/err")"
done
echo status | full_of device shell >"$WORK/status"
expect "satchel shell" 1 "$(cat "$WORK/status")"
for verb in status "dump --canonical" "export accounts" "user list" "schema show" --version; do
  expect "satchelctl $verb" 1 "$(full_of ctl $verb)"
  expect_match "satchelctl $verb says so" '^error: file_write: ' "$(cat "$WORK/err")"
done
expect "satcheld check-config" 1 "$(full_of "$BIN/satcheld" check-config --data "$DATA")"
expect "satcheld init" 1 "$(full_of "$BIN/satcheld" init --data "$WORK/fresh" --listen 127.0.0.1:0)"

# ---- Files that are missing -------------------------------------------------------------------------
printf 'name\nShop\n' >"$WORK/shops.csv"
check 1 file_read "an import without its file" ctl import accounts "$WORK/nothing.csv"
check 1 file_read "an import without its mapping" ctl import accounts "$WORK/shops.csv" --map "$WORK/nothing.toml"
: >"$WORK/empty.csv"
check 1 invalid_argument "an empty CSV" ctl import accounts "$WORK/empty.csv"
expect_match "says where" "empty.csv:1: the file is empty" "$(cat "$WORK/err")"
check 1 file_read "a folder for a CSV" ctl import accounts "$WORK" --format csv
check 1 file_read "a folder for a mapping" ctl import accounts "$WORK/shops.csv" --map "$WORK"
check 2 usage "a file of no known kind" ctl import accounts "$WORK/ann/key"
check 2 usage "stdin of no known kind" ctl import accounts -
check 4 collection_unknown "a header alone for a collection that is not there" ctl import nothing "$WORK/shops.csv"
check 2 usage "a key that is no column" ctl import accounts "$WORK/shops.csv" --key number

# ---- Words ---------------------------------------------------------------------------------------------
ID=$(device query accounts -o json | jq -r .id)
printf '{"op":"put","collection":"accounts","id":"%s","fields":{"name":"A"}}\n{"op":"put","collection":"accounts","id":"%s","field":{"name":"B"}}\n' "$ID" "$ID" >"$WORK/batch.ndjson"
check 2 usage "a batch with a member that is none" device batch "$WORK/batch.ndjson"
expect_match "names line and member" 'line 2: unknown member "field"' "$(cat "$WORK/err")"
check 1 type_mismatch "a value of another type" device put accounts "$ID" lastVisitAt=soon
expect "names its field once" 1 "$(grep -o lastVisitAt "$WORK/err" | wc -l)"
must device add accounts "$ID" visitCount=9223372036854775807
check 1 limit_exceeded "a counter past its range" device add accounts "$ID" visitCount=1
expect_match "names field and limits" 'accounts.visitCount.*-9223372036854775808 and 9223372036854775807' "$(cat "$WORK/err")"

check 1 file_read "a folder for a batch" device batch "$WORK"
printf '{"op":"put","collection":"accounts","fields":{"name":"A","name":"B"}}\n' >"$WORK/batch.ndjson"
check 2 usage "a batch with a member twice" device batch "$WORK/batch.ndjson"
expect_match "names its line" 'line 1: a member stands there twice' "$(cat "$WORK/err")"
for seconds in -1 nan inf x; do
  check 2 usage "a timeout of $seconds" device sync --timeout "$seconds"
  check 2 usage "a wait of $seconds" device --wait "$seconds" status
done
check 2 usage "a quota that holds no store" device --quota 1 status
for address in x x: :1 x:0 x:65536 x:1y; do
  check 2 usage "to dial $address" device --connect "$address" status
done
for verb in "dump --canonical" status "record get accounts $ID" "export accounts" "user list"; do
  check 5 policy_denied "a purpose that nobody knows: $verb" ctl --purpose Nope $verb
done
check 2 usage "the dump of a user without a name" ctl dump --canonical --user ''
check 4 not_found "the dump of a user who is not there" ctl dump --canonical --user nobody
check 4 not_found "an owner who is not there" ctl record put accounts name=Lost owner=ghost
expect "and nothing was written" 0 "$(ctl export accounts | grep -c Lost)"
printf 'name,owner\nLost,ghost\nFound,ann\n' >"$WORK/owners.csv"
check 1 invalid_argument "an import with an owner who is not there" ctl import accounts "$WORK/owners.csv" --key name
expect_match "names the row" 'owners.csv:2: owner: .*no user of this name' "$(cat "$WORK/out")"
expect_match "and takes the other" '"name":"Found","owner":"ann"' "$(ctl export accounts)"
printf '@0xd2f1a7c3b5e49877;\nusing S = \xff\xfe;\n' >"$WORK/latin.capnp"
check 3 schema_invalid "a schema that is not UTF-8" ctl schema check "$WORK/latin.capnp"
expect "in one line" 1 "$(wc -l <"$WORK/err")"

# ---- Descriptors ---------------------------------------------------------------------------------------
with_descriptors() { bash -c 'ulimit -n "$0" && exec "$@"' "$@"; }
for n in 6 7 8 9 10 11 12 13 14 16; do
  status=$(status_of with_descriptors $n "$BIN/satchel" --home "$WORK/ann" status)
  expect_match "with $n descriptors" '^(0|1|127)$' "$status"
done
stop_server
for n in 6 7 8 9 10 11 12 13 14 15 16; do
  status=$(status_of with_descriptors $n "$BIN/satchelctl" --data "$DATA" fsck)
  expect_match "the server's tool with $n descriptors" '^(0|1|3|7|127)$' "$status"
done

# ---- Keys that others may read --------------------------------------------------------------------------
chmod 644 "$WORK/ann/key"
check 3 config_invalid "a device's key that others may read" device status
chmod 600 "$WORK/ann/key"
for key in root.key server.keys; do
  chmod 644 "$KEYS/$key"
  check 3 config_invalid "$key that others may read: satcheld" "$BIN/satcheld" serve --data "$DATA"
  check 3 config_invalid "$key that others may read: satchelctl" ctl fsck
  chmod 600 "$KEYS/$key"
done
chmod 644 "$DATA/admin.token"
check 3 config_invalid "a token that others may read" "$BIN/satcheld" serve --data "$DATA"
chmod 600 "$DATA/admin.token"

# ---- Keys of another server, and none -------------------------------------------------------------------
must "$BIN/satcheld" init --data "$WORK/other" --listen 127.0.0.1:0
cp "$KEYS/server.keys" "$WORK/server.keys"
cp "$WORK/other/workspaces/main/keys/server.keys" "$KEYS/server.keys"
check 8 key_wrong "another server's keys" "$BIN/satcheld" serve --data "$DATA"
check 8 key_wrong "another server's keys under fsck" ctl fsck
cp "$WORK/server.keys" "$KEYS/server.keys"
mv "$KEYS" "$WORK/keys.away"
check 8 key_lost "a keys folder that is gone" "$BIN/satcheld" serve --data "$DATA"
check 8 key_lost "the same under fsck" ctl fsck
mv "$WORK/keys.away" "$KEYS"
mv "$KEYS/root.key" "$WORK/root.key"
check 8 key_lost "a root key that is gone" ctl fsck
mv "$WORK/root.key" "$KEYS/root.key"
expect "all in place again" 0 "$(status_of ctl fsck)"

# ---- The workspace's name ---------------------------------------------------------------------------------
sed -i 's/^workspace = .*/workspace = "A B"/' "$DATA/satcheld.toml"
for verb in check-config serve; do
  check 3 config_invalid "a bad workspace: $verb" "$BIN/satcheld" $verb --data "$DATA"
  expect_match "a bad workspace: $verb: says where" 'satcheld.toml:2:[0-9]+: server.workspace: ' "$(cat "$WORK/err")"
done
finish
