#!/bin/bash
# init, check-config, serve, drain; and what is refused in between.
. "$(dirname "$0")/lib.sh" "$1"

make_server
expect "the token is the owner's alone" 600 "$(stat -c %a "$DATA/admin.token")"
for file in "$DATA"/tls/ca.key "$DATA"/tls/server.key "$DATA"/workspaces/main/keys/*.key*; do
  expect "mode of ${file##*/}" 600 "$(stat -c %a "$file")"
done
"$BIN/satcheld" init --data "$DATA" 2>"$WORK/err"
expect "a second init" 6 $?
expect_match "its error is one line" '^error: already_exists: ' "$(cat "$WORK/err")"
"$BIN/satcheld" check-config --data "$DATA" >/dev/null
expect "a good configuration" 0 $?

# Writes a configuration with one line changed or added, and expects a complaint.
TOML=$DATA/satcheld.toml
cp "$TOML" "$WORK/good.toml"
bad_config() {  # what, sed script, pattern
  sed "$2" "$WORK/good.toml" >"$TOML"
  "$BIN/satcheld" check-config --data "$DATA" 2>"$WORK/err" >/dev/null
  expect "status of: $1" 3 $?
  expect_match "$1" "$3" "$(cat "$WORK/err")"
  expect "one line of: $1" 1 "$(wc -l <"$WORK/err")"
  "$BIN/satcheld" serve --data "$DATA" >/dev/null 2>&1
  expect "serve refuses: $1" 3 $?
}
bad_config "an unknown key" 's/^shutdown_grace/shutdown_grase/' \
  'satcheld.toml:5:[0-9]+: unknown key `server.shutdown_grase`; did you mean `server.shutdown_grace`'
bad_config "an unknown section" 's/^\[log\]/[lgo]/' 'unknown key `lgo.level`'
bad_config "a wrong type" 's/^level = .*/level = 3/' 'satcheld.toml:[0-9]+:[0-9]+: log.level'
bad_config "a value out of range" 's/^map_size = .*/map_size = "1MiB"/' 'store.map_size: a size such as'
bad_config "port 0" 's/^listen = .*/listen = "127.0.0.1:0"/' 'server.listen: a port is needed'
bad_config "a missing key" '/^listen/d' '`server.listen` is missing'
bad_config "no TOML" 's/^\[tls\]/[tls/' 'satcheld.toml:[0-9]+:[0-9]+: '
bad_config "a missing certificate" 's/server.pem/nothing.pem/' 'tls.cert_file'
bad_config "a foreign key" 's/server.key/ca.key/' 'tls.key_file'
cp "$WORK/good.toml" "$TOML"
chmod 644 "$DATA/tls/server.key"
"$BIN/satcheld" check-config --data "$DATA" 2>"$WORK/err"
expect "a key that others may read" 3 $?
chmod 600 "$DATA/tls/server.key"
"$BIN/satcheld" serve --data "$WORK/nowhere" 2>/dev/null
expect "no folder" 3 $?
"$BIN/satcheld" serve 2>/dev/null
expect "no --data" 2 $?
"$BIN/satcheld" -o json check-config --data "$WORK/nowhere" >/dev/null 2>"$WORK/err"
expect "-o json before the verb" config_invalid "$(sed 's/.*"code":"\([a-z_]*\)".*/\1/' "$WORK/err")"
expect "-o json after it" '{"ok":true}' "$("$BIN/satcheld" check-config --data "$DATA" -o json)"
"$BIN/satcheld" init --data "$WORK/other" --workspace 'A B' 2>/dev/null
expect "a bad workspace name" 1 $?

start_server
expect "the ready line" "ready $URL" "$(cat "$WORK/serve.out")"
(exec "$BIN/satcheld" serve --data "$DATA" >/dev/null 2>"$WORK/second.err")
expect "a second server on the folder" 6 $?
expect_match "and why" 'store_busy' "$(cat "$WORK/second.err")"
ctl user create ann --role rep >/dev/null
expect "a user" 0 $?
ctl -o json dump --canonical >"$WORK/before"
stop_server
expect "SIGTERM drains" 0 "$SERVER_STATUS"

# Stopped: reads work on the folder, others say that nobody is there.
ctl dump --canonical >"$WORK/stopped"
expect "dump of a stopped server" 0 $?
cmp -s "$WORK/before" "$WORK/stopped"
expect "and it is the same" 0 $?
ctl status >/dev/null
expect "status of a stopped server" 0 $?
ctl fsck >"$WORK/fsck"
expect "fsck of a stopped server" 0 $?
ctl export users >"$WORK/export"
expect "export of a stopped server" 0 $?
ctl user list 2>"$WORK/err"
expect "user list of a stopped server" 7 $?
expect_match "and why" '^error: unreachable: ' "$(cat "$WORK/err")"

# A flipped bit is found, or was in nothing that is read; it never changes an answer.
STORE=$DATA/workspaces/main/data/data.mdb
cp "$STORE" "$WORK/whole.mdb"
flip_bit() {
  byte=$(dd if="$STORE" bs=1 skip="$1" count=1 status=none | od -An -tu1 | tr -d ' ')
  printf "\\$(printf %o $((byte ^ 1)))" | dd of="$STORE" bs=1 seek="$1" conv=notrunc status=none
}
found=0
silent=0
size=$(stat -c %s "$STORE")
for i in $(seq 1 12); do
  flip_bit $((size * i / 13 + 37))
  ctl fsck >/dev/null 2>&1
  case $? in
    0) ctl dump --canonical 2>/dev/null | cmp -s - "$WORK/before" || silent=$((silent + 1)) ;;
    8) found=$((found + 1)) ;;
    *) silent=$((silent + 1)) ;;
  esac
  cp "$WORK/whole.mdb" "$STORE"
done
expect "no flipped bit goes unnoticed" 0 "$silent"
expect "flipped bits are found" yes "$([ "$found" -gt 0 ] && echo yes)"
start_server
stop_server
expect "it starts again" 0 "$SERVER_STATUS"

# A killed server starts again and has everything.
start_server
ctl user create bob --role manager >/dev/null
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
SERVER_PID=
start_server
expect "what was acknowledged is there" 1 "$(ctl -o json user list | grep -c '"bob"')"

# A server that lost its configuration keeps all the rest when it is given another.
stop_server
ctl dump --canonical >"$WORK/before"
AUTHORITY=$(cat "$CA")
TOKEN=$(cat "$DATA/admin.token")
mv "$DATA/satcheld.toml" "$WORK/lost.toml"
expect "without its configuration it says what to do" 3 "$(status_of "$BIN/satcheld" serve --data "$DATA")"
expect_match "namely init" 'run .satcheld init' "$(cat "$WORK/err")"
make_server
expect "which keeps the authority that devices pinned" "$AUTHORITY" "$(cat "$CA")"
expect "and the admin's token" "$TOKEN" "$(cat "$DATA/admin.token")"
start_server
expect "and all that was stored" "$(cat "$WORK/before")" "$(ctl dump --canonical)"

# The log is JSON and names no user.
stop_server
expect "every line of the log is an object" 0 "$(grep -cv '^{"ts":".*}$' "$WORK/server.log")"
expect "no user is named" 0 "$(grep -cE 'ann|bob' "$WORK/server.log")"
finish
