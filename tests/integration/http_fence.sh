#!/bin/bash
# What reaches the server's parser is fenced: odd requests are refused, and the server lives on.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server

# Sends raw bytes over TLS and prints the status of each answer, on one line.
raw() {
  timeout 20 openssl s_client -connect "$HOSTPORT" -CAfile "$CA" -quiet -no_ign_eof 2>/dev/null |
    tr -d '\r' | sed -n 's/.*HTTP\/1.1 \([0-9]*\) .*/\1/p' | paste -sd ' '
}
# Keeps the connection open for a moment, so that the answer arrives before the end does.
say() { printf "$@"; sleep 0.5; }

expect "a plain request" 200 \
  "$(say 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw)"
expect "two requests on one connection" "200 200" \
  "$(say 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw)"
expect "a transfer coding" 501 \
  "$(say 'POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' | raw)"
expect "a transfer coding beside a length" 400 \
  "$(say 'POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n' | raw)"
expect "a chunked trailer past 65,535 bytes" 501 \
  "$( (printf 'POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: '
       head -c 70000 /dev/zero | tr '\0' 'x'; printf '\r\n\r\n'; sleep 0.5) | raw)"
expect "HTTP/1.0" 505 "$(say 'GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n' | raw)"
expect "no Host" 400 "$(say 'GET /healthz HTTP/1.1\r\n\r\n' | raw)"
expect "two Hosts" 400 "$(say 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' | raw)"
expect "two lengths" 400 \
  "$(say 'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' | raw)"
expect "a length that is no number" 400 \
  "$(say 'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n' | raw)"
expect "not HTTP" 400 "$(say 'SSH-2.0-x\r\n\r\n' | raw)"
expect "a target that breaks percent-encoding" 400 \
  "$(say 'GET /%%zz HTTP/1.1\r\nHost: a\r\n\r\n' | raw)"
header() { (printf 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: '
            head -c "$1" /dev/zero | tr '\0' 'x'; printf '\r\n\r\n'; sleep 0.5) | raw; }
# 16 KiB of header in all; 58 bytes are taken by what stands around the x.
expect "a header within its limit" 200 "$(header 16000)"
expect "a header over its limit" 431 "$(header 16400)"

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

upgrade() { say "GET $1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n$2\r\n" | raw; }
expect "an upgrade with the subprotocol" 101 \
  "$(upgrade /v1/sync 'Sec-WebSocket-Protocol: satchel.sync.v1\r\n')"
expect "an upgrade without it" 400 "$(upgrade /v1/sync '')"
expect "an upgrade elsewhere" 404 \
  "$(upgrade /healthz 'Sec-WebSocket-Protocol: satchel.sync.v1\r\n')"

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
