#!/bin/bash
# Enrolment codes: single use, ten minutes, and what a device's token opens.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server
must ctl territory create north
ctl user create ann --role rep --territory north >/dev/null || fatal "user create"

expect "a code for nobody" 4 "$(ctl device enroll --user nobody >/dev/null 2>&1; echo $?)"
CODE=$(ctl device enroll --user ann)
expect_match "a code" '^satchel1\.[A-Za-z0-9_-]+$' "$CODE"

# The secret and the name of a code, base64url. The ticket: format, url length, url, pin (32), secret (16).
base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
secret_of() {
  body=$(tr '_-' '/+' <<<"${1#satchel1.}")
  while [ $((${#body} % 4)) -ne 0 ]; do body=$body=; done
  base64 -d <<<"$body" >"$WORK/ticket"
  length=$(dd if="$WORK/ticket" bs=1 skip=1 count=1 status=none | od -An -tu1 | tr -d ' ')
  dd if="$WORK/ticket" bs=1 skip=$((2 + length + 32)) count=16 status=none
}
SECRET=$(secret_of "$CODE" | base64url)
ID=$(secret_of "$CODE" | openssl dgst -sha256 -binary | base64url)
KEY=$(head -c 32 /dev/urandom | base64url)
redeem() {  # id, secret, key: prints status and writes the answer
  curl -s -o "$WORK/answer" -w '%{http_code}' --cacert "$CA" -H 'Content-Type: application/json' \
    -d "{\"secret\":\"$2\",\"name\":\"Tablet\",\"public_key\":\"$3\"}" "$URL/v1/enrollments/$1:redeem"
}
code_of() { sed -n 's/.*"code":"\([a-z_]*\)".*/\1/p' "$WORK/answer"; }
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$WORK/answer"; }

expect "another secret under this name" 404 "$(redeem "$ID" "$KEY" "$KEY")"
expect "its code" enrolment_invalid "$(code_of)"
OTHER=$(printf x | openssl dgst -sha256 -binary | base64url)
expect "an unknown name" 404 "$(redeem "$OTHER" "$(printf x | base64url)" "$KEY")"
expect "a public key that is none" 400 "$(redeem "$ID" "$SECRET" AAAA)"
expect "no JSON" 400 "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" -d '{' "$URL/v1/enrollments/$ID:redeem")"
expect "the first use" 200 "$(redeem "$ID" "$SECRET" "$KEY")"
DEVICE=$(member device)
TOKEN=$(member access_token)
HASH=$(member schema_hash)
expect "its user" ann "$(member user)"
expect "its role" rep "$(member role)"
expect_match "its territories" '"territories":\["north"\]' "$(cat "$WORK/answer")"
expect_match "its device" '^[0-9a-f]{32}$' "$DEVICE"
expect "the key to seal to" 43 "$(member server_box_key | tr -d '\n' | wc -c)"

schema() { curl -s -o "$WORK/nodes" -w '%{http_code}' --cacert "$CA" ${2:+-H "Authorization: Bearer $2"} "$URL/v1/schemas/$1"; }
expect "the schema" 200 "$(schema "$HASH" "$TOKEN")"
expect "whose hash is its name" "$HASH" "$(openssl dgst -sha256 -r "$WORK/nodes" | cut -d' ' -f1)"
expect "without a token" 401 "$(schema "$HASH")"
expect "with another's token" 401 "$(schema "$HASH" "${TOKEN%?????}AAAAA")"
expect "an unknown schema" 404 "$(schema "${HASH/[0-9a-f]/0}0" "$TOKEN")"

expect "the device is listed" 1 "$(ctl -o json device list | grep -c "\"$DEVICE\"")"
expect_match "and not revoked" '"revoked":false' "$(ctl -o json device show "$DEVICE")"
expect "a second use" 403 "$(redeem "$ID" "$SECRET" "$KEY")"
expect "its code" enrolment_used "$(code_of)"
expect_match "freezes the device" '"revoked":true' "$(ctl -o json device show "$DEVICE")"
expect "and its token" 403 "$(schema "$HASH" "$TOKEN")"
expect_match "and alarms" 'ALARM' "$(cat "$WORK/server.log")"

# A revoked device, a disabled user.
enrol() {
  CODE=$(ctl device enroll --user "$1")
  SECRET=$(secret_of "$CODE" | base64url)
  ID=$(secret_of "$CODE" | openssl dgst -sha256 -binary | base64url)
}
enrol ann
expect "another device" 200 "$(redeem "$ID" "$SECRET" "$KEY")"
SECOND=$(member device)
SECOND_TOKEN=$(member access_token)
expect "device revoke" 0 "$(ctl device revoke "$SECOND" >/dev/null; echo $?)"
expect "its token" 403 "$(schema "$HASH" "$SECOND_TOKEN")"
expect "device revoke of nobody" 4 "$(ctl device revoke 00000000000000000000000000000000 >/dev/null 2>&1; echo $?)"
enrol ann
expect "user disable" 0 "$(ctl user disable ann >/dev/null; echo $?)"
expect "a code of a disabled user" 403 "$(redeem "$ID" "$SECRET" "$KEY")"
expect "its code" user_disabled "$(code_of)"
expect "a new code for a disabled user" 5 "$(ctl device enroll --user ann >/dev/null 2>&1; echo $?)"
expect "an enrolment survives in no log" 0 "$(grep -cF "$SECRET" "$WORK/server.log")"
stop_server

# Eleven minutes later, as the server's clock has it.
if command -v faketime >/dev/null; then
  start_server
  make_users bob
  enrol bob
  stop_server
  # Not through the command: it would stand between the server and its signals.
  LIBRARY=$(faketime -f '+0' printenv LD_PRELOAD)
  start_server env LD_PRELOAD="$LIBRARY" FAKETIME=+11m FAKETIME_DONT_FAKE_MONOTONIC=1
  expect "a code of eleven minutes ago" 403 "$(redeem "$ID" "$SECRET" "$KEY")"
  expect "its code" enrolment_expired "$(code_of)"
  stop_server
else
  echo "SKIPPED: the age of a code needs faketime"
fi
finish
