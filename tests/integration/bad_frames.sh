#!/bin/bash
# Peers that speak nonsense on the sync endpoint are shut out, and a device that says much is not; the
# server and its devices go on.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server
make_users ann
device ann enroll "$(ctl device enroll --user ann)" >/dev/null 2>&1 || fatal "enroll"
ID=$(device ann put accounts name=Before)
device ann sync >/dev/null || fatal "sync"

python3 -B "$(dirname "$0")/bad_frames.py" "${HOSTPORT%:*}" "${HOSTPORT#*:}" "$CA" >"$WORK/endings" 2>&1
expect "every case was put" 10 "$(wc -l <"$WORK/endings")"
expect "none is left open" 0 "$(grep -c 'left open' "$WORK/endings")"
expect_match "a text message" '^text: closed 1003$' "$(grep '^text:' "$WORK/endings")"
for name in empty noise "unknown flag" "bomb before hello" "too large before hello" endless; do
  expect_match "$name" '(closed 1[0-9]{3}|closed 4[0-9]{3}|cut)$' "$(grep "^$name:" "$WORK/endings")"
done
cat "$WORK/endings"

expect "the server lives on" 200 "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" "$URL/healthz")"
device ann put accounts "$ID" name=After >/dev/null || fatal "put"
expect "its devices sync" 0 "$(device ann sync >/dev/null 2>&1; echo $?)"
expect_match "what they write arrives" '"name":"After"' "$(ctl -o json record get accounts "$ID")"

# What a device may write it can send: nearly 8 MiB in one commit, of letters that do not compress.
python3 - >"$WORK/large.ndjson" <<'LARGE'
import json, random, string
draw = random.Random(7)
for _ in range(8):
    text = "".join(draw.choices(string.ascii_letters + string.digits + "+/", k=1040000))
    print(json.dumps({"op": "put", "collection": "accounts", "fields": {"industry": text}}))
LARGE
expect "the largest commit" 0 "$(device ann batch "$WORK/large.ndjson" >/dev/null 2>&1; echo $?)"
expect "is sent" 0 "$(device ann sync --retries 0 >/dev/null 2>&1; echo $?)"
expect "and leaves the outbox" 0 "$(device ann -o json pending | wc -l)"
expect "and arrives" 8 "$(ctl export accounts | awk 'length > 1040000' | wc -l)"
expect "its store is whole" 0 "$(ctl fsck >/dev/null; echo $?)"
stop_server
expect "and it drains" 0 "$SERVER_STATUS"
finish
