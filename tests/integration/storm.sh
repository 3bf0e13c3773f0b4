#!/bin/bash
# Ten thousand accounts, each with a contact, change hands while both reps sync and one has unsent work:
# no device ever holds half of an account, and at the end each holds what it may.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
COUNT=10000

# rows COLLECTION HEADER ROW: a CSV file of COUNT rows; N in one is its number.
rows() {
  echo "$2" >"$WORK/$1.csv"
  for number in $(seq "$COUNT"); do echo "${3//N/$number}"; done >>"$WORK/$1.csv"
}
import() { must ctl import "$1" "$WORK/$1.csv" --map "$WORK/$1.toml"; }
map() { printf 'key = "externalIds.n"\n[fields]\n"externalIds.n" = "n"\n%s\n' "$2" >"$WORK/$1.toml"; }

make_server
start_server
make_rep ann
TERRITORY=south
make_rep bob
map accounts 'industry = "industry"
territory = "territory"'
map contacts 'account = { column = "account", ref = "accounts", by = "externalIds.n" }'
rows accounts n,industry,territory 'N,steel,north'
rows contacts n,account 'N,N'
import accounts
import contacts
must device ann sync
must device bob sync
held() { device "$1" dump --canonical | grep -c "\"collection\":\"$2\""; }
expect "ann holds all" "$COUNT $COUNT" "$(held ann accounts) $(held ann contacts)"
expect "bob none" "0 0" "$(held bob accounts) $(held bob contacts)"

# ---- Unsent work of ann's ----------------------------------------------------------------------------
device ann -o json query accounts --limit 50 | jq -c '{op: "put", collection: "accounts", id, fields: {website: "https://late.example"}}' \
  >"$WORK/late.ndjson"
must device ann batch "$WORK/late.ndjson" --commit-every 1
expect "fifty commits wait" 50 "$(json ann status | jq .pending)"

# ---- The storm -----------------------------------------------------------------------------------------
sed -i 's/,north$/,south/' "$WORK/accounts.csv"
ctl import accounts "$WORK/accounts.csv" --map "$WORK/accounts.toml" >"$WORK/storm.out" 2>&1 &
STORM=$!
# Accounts without their contact, and contacts without their account, in a device's dump.
halves() {
  device "$1" dump --canonical | jq -rn '[inputs | select(.collection == "accounts" or .collection == "contacts")
    | if .collection == "accounts" then .id else .fields.account end] | group_by(.)
    | map(select(length != 2)) | length'
}
ROUNDS=0
while kill -0 "$STORM" 2>/dev/null; do
  for user in ann bob; do
    must device $user sync
    expect "$user: no half of an account" 0 "$(halves $user)"
  done
  ROUNDS=$((ROUNDS + 1))
done
wait "$STORM"
expect "the office has moved them all" 0 $?
expect "while both synced" yes "$([ "$ROUNDS" -ge 1 ] && echo yes)"
for _ in $(seq 600); do
  [ "$(ctl -o json status | jq '.rescoping // 0')" = 0 ] && break
  sleep 0.1
done
for user in ann bob ann bob; do must device $user sync; done
expect "ann holds none" "0 0" "$(held ann accounts) $(held ann contacts)"
expect "bob all" "$COUNT $COUNT" "$(held bob accounts) $(held bob contacts)"
for user in ann bob; do
  expect "$user holds what he may" "$(ctl dump --canonical --user $user | sha256sum)" \
    "$(device $user dump --canonical | sha256sum)"
done
expect "what ann had written went with them" 50 \
  "$(device bob dump --canonical | grep -c '"website":"https://late.example"')"
expect "nothing came back to her" "0 0" "$(json ann status | jq -r '"\(.pending) \(.rejected)"')"
expect "the store is whole" 0 "$(status_of ctl fsck)"
stop_server
finish
