#!/bin/bash
# What reaches the server's parser is fenced: odd requests are refused, whatever devices do beside
# them, and the server lives on. The requests and the one right answer to each: http_fence.cases.
. "$(dirname "$0")/lib.sh" "$1"
DEVICES=20
make_server
sed -i 's/^level = .*/level = "debug"/' "$DATA/satcheld.toml"
start_server

# works NAME: a device that writes and syncs until the fence was tried, and adds 1 to a counter each
# time. Leaves what it wrote in $WORK/NAME.did and how its commands ended in $WORK/NAME.ends.
works() {
  local id rounds=0
  id=$(device "$1" put accounts industry=retail) || return
  echo 0 >"$WORK/$1.ends"
  while [ ! -e "$WORK/tried" ] || [ "$rounds" -eq 0 ]; do
    rounds=$((rounds + 1))
    { device "$1" put accounts "$id" "website=https://$1.example/$rounds" &&
        device "$1" add accounts "$id" visitCount=1 && device "$1" sync; } >/dev/null 2>>"$WORK/$1.err"
    echo $? >>"$WORK/$1.ends"
    echo "$id $rounds" >"$WORK/$1.did"
    sleep 1
  done
}
for n in $(seq "$DEVICES"); do make_rep "rep$n"; done
WORKERS=()
for n in $(seq "$DEVICES"); do
  works "rep$n" &
  WORKERS+=($!)
done
python3 "$(dirname "$0")/http_fence.py" "$(dirname "$0")/http_fence.cases" "$CA" \
  "$WORK/server.log" "public=$HOSTPORT" "admin=${ADMIN_URL#https://}"
expect "every case of the table" 0 $?
touch "$WORK/tried"
wait "${WORKERS[@]}"
must ctl dump --canonical
mv "$WORK/out" "$WORK/dump"
for n in $(seq "$DEVICES"); do
  expect "rep$n: every command ended well" 0 "$(sort -u "$WORK/rep$n.ends" | paste -sd ' ')"
  read -r id rounds <"$WORK/rep$n.did"
  expect "rep$n: what it wrote" "rep$n $rounds https://rep$n.example/$rounds" \
    "$(sed -nE "s/.*\"owner\":\"([^\"]*)\".*\"visitCount\":([0-9]*).*\"website\":\"([^\"]*)\".*\"$id\".*/\1 \2 \3/p" "$WORK/dump")"
done
echo "$(cat "$WORK"/rep*.ends | wc -l) syncs of $DEVICES devices beside it"

# What takes an HTTP client of its own.
MAX=$((8 * 1024 * 1024))
head -c "$MAX" /dev/zero >"$WORK/body"
status() { curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" "$@"; }
expect "a body at its limit passes the fence" 405 \
  "$(status -H 'Expect:' --data-binary @"$WORK/body" "$URL/healthz")"
expect "a body that waits for 100 Continue" 405 \
  "$(status -H 'Expect: 100-continue' --data-binary @"$WORK/body" "$URL/healthz")"
printf x >>"$WORK/body"
expect "a body over its limit" 413 \
  "$(status -H 'Expect:' --data-binary @"$WORK/body" "$URL/healthz")"
# The refusal comes while the rest is still on its way, and must be read all the same.
head -c $((3 * MAX / 2)) /dev/zero >"$WORK/body"
for time in 1 2 3 4 5; do
  expect "a body far over its limit, $time" 413 \
    "$(status -H 'Expect:' --data-binary @"$WORK/body" "$URL/healthz")"
done

expect "an unknown path" 404 "$(status "$URL/nothing")"
expect "a HEAD request" 200 "$(status -I "$URL/healthz")"
expect_match "a problem object" '"code":"not_found"' "$(curl -s --cacert "$CA" "$URL/nothing")"
expect_match "its media type" 'application/problem\+json' \
  "$(curl -s -o /dev/null -w '%{content_type}' --cacert "$CA" "$URL/nothing")"
expect "the admin API is not on the public listener" 404 "$(status "$URL/admin/v1/users")"

expect "an upgrade to sync" 101 "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" --max-time 1 \
  --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' -H 'Sec-WebSocket-Protocol: satchel.sync.v1' \
  "$URL/v1/sync")"

tls() { openssl s_client -connect "$HOSTPORT" -CAfile "$CA" "$@" </dev/null 2>&1 |
          sed -n 's/^New, \(TLSv[0-9.]*\), Cipher is \(.*\)/\1 \2/p'; }
expect_match "TLS 1.3" '^TLSv1.3 TLS_' "$(tls)"
expect_match "TLS 1.2 with an AEAD suite" '^TLSv1.2 ECDHE-.*(GCM|POLY1305)' "$(tls -tls1_2)"
expect_match "no TLS 1.2 with CBC" '^$' "$(tls -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA | grep ECDHE)"
expect_match "no TLS 1.1" '^$' "$(tls -tls1_1 -cipher 'DEFAULT@SECLEVEL=0' | grep ECDHE)"
# ems OPTION: the answer over TLS 1.2 with one option of OpenSSL more (1: no extended master secret).
ems() {
  python3 - "${HOSTPORT%:*}" "${HOSTPORT##*:}" "$CA" "$1" <<'PYTHON'
import socket, ssl, sys
host, port, ca, option = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.options |= int(option)
try:
    stream = context.wrap_socket(socket.create_connection((host, int(port)), timeout=20), server_hostname=host)
    stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    print(stream.recv(12).decode() or "closed")
except (ssl.SSLError, ConnectionError):
    print("closed")
PYTHON
}
expect "TLS 1.2 with the extended master secret" "HTTP/1.1 200" "$(ems 0)"
expect "and none without" closed "$(ems 1)"
expect_match "a client with another authority" '(60|35)' \
  "$(curl -s -o /dev/null "$URL/healthz"; echo $?)"

expect "the server lives on" 200 "$(status "$URL/healthz")"
stop_server
expect "and drains" 0 "$SERVER_STATUS"
finish
