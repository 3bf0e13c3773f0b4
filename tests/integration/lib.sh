# For the scripts beside it: a server of one's own on free ports, ended by its process id.
# Usage: source lib.sh BIN_FOLDER. Everything is written below a temporary folder, removed at the end.
set -u
BIN=$1
WORK=$(mktemp -d)
SERVER_PID=
FAILED=0
CASES=0

cleanup() {
  if [ -n "$SERVER_PID" ] && kill -0 "$SERVER_PID" 2>/dev/null; then
    kill -KILL "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null
  fi
  rm -rf "$WORK"
}
trap cleanup EXIT

# expect WHAT WANTED GOT
expect() {
  CASES=$((CASES + 1))
  if [ "$2" != "$3" ]; then
    FAILED=$((FAILED + 1))
    echo "FAILED: $1: wanted [$2], got [$3]"
  fi
}
# expect_match WHAT PATTERN TEXT
expect_match() {
  CASES=$((CASES + 1))
  if ! grep -qE -- "$2" <<<"$3"; then
    FAILED=$((FAILED + 1))
    echo "FAILED: $1: wanted a match of [$2], got [$3]"
  fi
}
finish() {
  echo "$CASES cases, $FAILED failed"
  [ "$FAILED" -eq 0 ]
  exit $?
}
# must COMMAND...: it must end well; what it prints is shown only if it does not.
must() { "$@" >"$WORK/out" 2>&1 || fatal "$*: $(cat "$WORK/out")"; }
# status_of COMMAND...: what it ends with. What it says is in $WORK/out and $WORK/err.
status_of() { "$@" >"$WORK/out" 2>"$WORK/err"; echo $?; }
# needs TOOL: without it the script is skipped, visibly.
needs() { command -v "$1" >/dev/null || { echo "SKIPPED: needs $1"; exit 0; }; }
fatal() {
  echo "FATAL: $1"
  [ -f "$WORK/server.log" ] && tail -20 "$WORK/server.log"
  exit 1
}

# Makes a server in $WORK/data and sets URL, HOSTPORT, ADMIN_URL, CA.
make_server() {
  DATA=$WORK/data
  "$BIN/satcheld" init --data "$DATA" --listen 127.0.0.1:0 "$@" >"$WORK/init.out" 2>&1 ||
    fatal "init: $(cat "$WORK/init.out")"
  HOSTPORT=$(sed -n 's/^listen = "\(.*\)"/\1/p' "$DATA/satcheld.toml")
  ADMIN_URL=https://$(sed -n 's/^admin_listen = "\(.*\)"/\1/p' "$DATA/satcheld.toml")
  URL=https://$HOSTPORT
  CA=$DATA/tls/ca.pem
}
# Words before the command may bend its world, but must exec it: start_server env X=Y
start_server() {
  : >"$WORK/serve.out"  # What an earlier one said must not be taken for its own.
  "$@" "$BIN/satcheld" serve --data "$DATA" >>"$WORK/serve.out" 2>>"$WORK/server.log" &
  SERVER_PID=$!
  for _ in $(seq 300); do
    grep -q '^ready ' "$WORK/serve.out" && return
    kill -0 "$SERVER_PID" 2>/dev/null || fatal "the server ended before it was ready"
    sleep 0.05
  done
  fatal "the server is not ready after 15 s"
}
# Ends the server with SIGTERM; sets SERVER_STATUS.
stop_server() {
  kill -TERM "$SERVER_PID"
  wait "$SERVER_PID"
  SERVER_STATUS=$?
  SERVER_PID=
}
ctl() { "$BIN/satchelctl" --data "$DATA" "$@"; }
# device HOME VERB...: the device's command; json: what it says in JSON.
device() { "$BIN/satchel" --home "$WORK/$1" "${@:2}"; }
json() { device "$1" -o json "${@:2}"; }
# Reps of one territory, who hold each other's accounts. Empty for a schema that has none.
TERRITORY=north
make_users() {
  local user
  [ -z "$TERRITORY" ] || ctl territory list | grep -qw "$TERRITORY" || must ctl territory create "$TERRITORY"
  for user in "$@"; do must ctl user create "$user" --role rep ${TERRITORY:+--territory "$TERRITORY"}; done
}
# A rep with a device of that name, enrolled at the server that runs.
make_rep() {
  make_users "$1"
  must device "$1" enroll "$(ctl device enroll --user "$1")"
}
