#!/bin/bash
# Compaction and a device that was away for too long: what everybody has seen deleted goes, nobody
# waits for the silent one, and of his unsent work nothing is lost when he comes back.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
compact() { ctl -o json compact "$@"; }
setting() { sed -i "s/^$1 = .*/$1 = $2/" "$DATA/satcheld.toml"; }

make_server
start_server
for name in ann bob eve; do make_rep "$name"; done
GONE=$(device ann put accounts name=Gone)
STAYS=$(device ann put accounts name=Stays)
must device ann sync
for home in bob eve; do must device "$home" sync; done
must device ann sync

# Bob goes out of reach, with work of his own.
must device bob put accounts "$GONE" website=written-too-late
must device bob put accounts "$STAYS" website=bobs
NEW=$(device bob put accounts name="Made on the way")
must device ann put accounts "$STAYS" website=anns
must device ann delete accounts "$GONE"
for home in ann eve ann; do must device "$home" sync; done
expect "while bob is expected nothing goes" '{"tombstones":0,"losers":0,"replicas":0}' \
  "$(compact --dry-run | jq -c '{tombstones, losers, replicas}')"
must ctl compact
stop_server

setting replica_expiry '"1s"'
start_server
sleep 2
must device ann sync
must device eve sync
RECORDS=$(ctl -o json status | jq .records)
expect "what would go is told first" 1 "$(compact --dry-run | jq .tombstones)"
expect "and is still there" "$RECORDS" "$(ctl -o json status | jq .records)"
expect "then it goes" '{"dry_run":false,"tombstones":1}' "$(compact | jq -c '{dry_run, tombstones}')"
expect "for good" $((RECORDS - 1)) "$(ctl -o json status | jq .records)"
expect "a second time there is nothing" 0 "$(compact | jq .tombstones)"
stop_server
setting replica_expiry '"90d"'
start_server

must device bob sync
expect "bob's late edit is in his inbox" 1 "$(json bob status | jq .rejected)"
expect "as a write to a record that is gone" unknown-record "$(json bob inbox | jq -r .rule)"
expect_match "with what he wrote" written-too-late \
  "$(json bob inbox show "$(json bob inbox | jq .id)")"
expect "nothing of his waits" 0 "$(json bob status | jq .pending)"
expect "the deleted record did not come back" 0 "$(ctl dump --canonical | grep -c "$GONE")"
expect "nor is it with him" 4 "$(status_of device bob get accounts "$GONE")"
expect "what he made is there" '"Made on the way"' \
  "$(ctl -o json record get accounts "$NEW" | jq .fields.name)"
expect "his old edit stands beside the newer one" '["anns","bobs"]' \
  "$(ctl -o json record explain accounts "$STAYS" website | jq -c '[.concurrent[].value] | sort')"
for home in ann eve bob ann; do must device "$home" sync; done
for home in ann bob eve; do
  expect "$home agrees with the server" "$(ctl dump --canonical --user "$home")" \
    "$(device "$home" dump --canonical)"
done

# ---- Losers are settled when they are old enough ----------------------------------------------------
SHOWN=$(ctl -o json record get accounts "$STAYS" | jq .fields.website)
expect "a fresh loser stays" 0 "$(compact | jq .losers)"
stop_server
setting losers '"1s"'
start_server
sleep 2
for home in ann eve bob; do must device "$home" sync; done
expect "an old one goes" 1 "$(compact | jq .losers)"
expect "what is shown stays" "$SHOWN" "$(ctl -o json record get accounts "$STAYS" | jq .fields.website)"
expect "and stands alone" 1 \
  "$(ctl -o json record explain accounts "$STAYS" website | jq '.concurrent | length')"
for home in ann bob eve; do
  must device "$home" sync
  expect "as $home has it" "$(ctl dump --canonical --user "$home")" \
    "$(device "$home" dump --canonical)"
  expect "alone there too" 1 "$(json "$home" explain accounts "$STAYS" website | jq '.concurrent | length')"
done
expect "the store is whole" 0 "$(status_of ctl fsck)"
stop_server
expect "without a server there is none" 7 "$(status_of ctl compact)"
finish
