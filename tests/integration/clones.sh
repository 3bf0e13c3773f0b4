#!/bin/bash
# Copied and restored homes of a device: they take other ids, and no write is lost or counted twice.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
# A device whose install mark lies outside its home, where a copy of the home cannot be told by it.
hidden() { "$BIN/satchel" --home "$WORK/$1" --install-file "$WORK/mark" "${@:2}"; }
replica_of() { "$@" -o json status | jq -r .replica; }

make_server
start_server
make_users ann dora bob
must device bob enroll "$(ctl device enroll --user bob)"
# What everybody shows of one account, in canonical form.
shown() { jq -c "select(.id == \"$1\") | .fields | {visitCount, tags, industry}"; }

# ---- A copy that knows itself: its install mark is another file ------------------------------------
must device ann enroll "$(ctl device enroll --user ann)"
SHOP=$(device ann put accounts name="Shop")
must device ann sync
must device ann add accounts "$SHOP" visitCount=1
must device ann set-add accounts "$SHOP" tags=before
cp -r "$WORK/ann" "$WORK/copy"
OLD=$(replica_of device ann)
expect "a copy is noticed" true "$(device copy -o json status | jq .moved)"
expect "the original is not" false "$(device ann -o json status | jq .moved)"
expect_match "the copy has another id" '^[0-9a-f]{32}$' "$(replica_of device copy)"
expect "and not the old one" no "$([ "$(replica_of device copy)" = "$OLD" ] && echo yes || echo no)"
expect "the original keeps its own" "$OLD" "$(replica_of device ann)"
expect "what waited still waits in both" "2 2" \
  "$(device ann -o json status | jq .pending) $(device copy -o json status | jq .pending)"
must device ann add accounts "$SHOP" visitCount=10
must device ann set-add accounts "$SHOP" tags=ann
must device copy add accounts "$SHOP" visitCount=100
must device copy set-add accounts "$SHOP" tags=copy
COPYS=$(device copy put accounts name="Made on the copy")
ANNS=$(device ann put accounts name="Made on the original")
must device copy sync
must device ann sync
must device copy sync
must device bob sync
WANTED='{"visitCount":111,"tags":["ann","before","copy"],"industry":null}'
expect "the server has every write once" "$WANTED" "$(ctl dump --canonical | shown "$SHOP")"
for home in ann copy bob; do
  expect "so has $home" "$WANTED" "$(device $home dump --canonical | shown "$SHOP")"
  expect "$home has both new records" 2 \
    "$(device $home dump --canonical | jq -r .id | grep -cE "$COPYS|$ANNS")"
done
expect "nothing waits" "0 0" \
  "$(device ann -o json status | jq .pending) $(device copy -o json status | jq .pending)"
expect "nothing was refused" "0 0" \
  "$(device ann -o json status | jq .rejected) $(device copy -o json status | jq .rejected)"
expect "what the copy wrote is still its own" you \
  "$(device copy -o json explain accounts "$COPYS" name | jq -r '.concurrent[0].replica')"
expect_match "the server tells whose both are" "ann's device" \
  "$(ctl -o json record explain accounts "$COPYS" name | jq -r '.concurrent[0].replica')"

# ---- Copies that cannot know it: the fence tells the second one ------------------------------------
must hidden dora enroll "$(ctl device enroll --user dora)"
must hidden dora sync
cp -r "$WORK/dora" "$WORK/double"
expect "this copy is not noticed" false "$(hidden double -o json status | jq .moved)"
OLD=$(replica_of hidden dora)
must hidden dora add accounts "$SHOP" visitCount=1000
must hidden dora put accounts "$SHOP" industry=food
must hidden double add accounts "$SHOP" visitCount=20000
must hidden double put accounts "$SHOP" industry=steel
must hidden double put accounts "$SHOP" industry=iron
must hidden dora sync
must hidden double sync
expect "the first keeps its id" "$OLD" "$(replica_of hidden dora)"
expect "the second takes another" no \
  "$([ "$(replica_of hidden double)" = "$OLD" ] && echo yes || echo no)"
must hidden dora sync
must hidden double sync
must device bob sync
expect "every write counts" 21111 "$(ctl dump --canonical | shown "$SHOP" | jq .visitCount)"
expect "both industries are kept, the last shown" '["food","iron"] "iron"' \
  "$(ctl -o json record explain accounts "$SHOP" industry | jq -cr '([.concurrent[].value] | sort | tojson) + " " + (.shown | tojson)')"
expect "all copies agree" "$(ctl dump --canonical --user bob | md5sum)" "$(device bob dump --canonical | md5sum)"
expect "with the second" "$(hidden dora dump --canonical | md5sum)" "$(hidden double dump --canonical | md5sum)"

# ---- A home that was put back from a backup --------------------------------------------------------
must hidden dora add accounts "$SHOP" visitCount=300000
cp -r "$WORK/dora" "$WORK/backup"
must hidden dora sync
must hidden dora add accounts "$SHOP" visitCount=4000000
must hidden dora sync
must hidden dora sync
rm -rf "$WORK/dora"
cp -r "$WORK/backup" "$WORK/dora"
OLD=$(replica_of hidden dora)
must hidden dora add accounts "$SHOP" visitCount=50000000
must hidden dora sync
expect "it takes another id" no "$([ "$(replica_of hidden dora)" = "$OLD" ] && echo yes || echo no)"
must hidden dora sync
expect "nothing is lost, nothing counts twice" 54321111 \
  "$(ctl dump --canonical | shown "$SHOP" | jq .visitCount)"
expect "and it shows the same" 54321111 "$(hidden dora dump --canonical | shown "$SHOP" | jq .visitCount)"
# ---- A commit that forked, put back before it was sent ---------------------------------------------
# Its number is another's: each copy numbers it anew by itself, and it counts once.
rm -rf "$WORK/before" "$WORK/moment"
cp -r "$WORK/dora" "$WORK/before"
must hidden dora add accounts "$SHOP" visitCount=100000000
must hidden dora sync
rm -rf "$WORK/dora"
cp -r "$WORK/before" "$WORK/dora"
must hidden dora add accounts "$SHOP" visitCount=2000000000
must hidden dora put accounts "$SHOP" industry=glass
cp -r "$WORK/dora" "$WORK/moment"
must hidden dora sync
expect "the fork is counted" 2154321111 "$(ctl dump --canonical | shown "$SHOP" | jq .visitCount)"
for again in once twice; do
  rm -rf "$WORK/dora"
  cp -r "$WORK/moment" "$WORK/dora"
  must hidden dora sync
  must hidden dora sync
  expect "put back $again it is not counted again" 2154321111 \
    "$(ctl dump --canonical | shown "$SHOP" | jq .visitCount)"
  expect "nothing waits, nothing was refused" "0 0" \
    "$(hidden dora -o json status | jq -r '"\(.pending) \(.rejected)"')"
done
# A copy that lives beside it and goes on by itself: what both wrote counts once, the rest is its own.
must hidden moment add accounts "$SHOP" visitCount=30000000000
must hidden moment put accounts "$SHOP" industry=gravel
must hidden moment sync
must hidden dora sync
must device bob sync
for home in dora moment; do
  expect "$home shows every write once" 32154321111 \
    "$(hidden $home dump --canonical | shown "$SHOP" | jq .visitCount)"
  expect "$home agrees with the server" "$(ctl dump --canonical --user dora | md5sum)" \
    "$(hidden $home dump --canonical | md5sum)"
done
expect "gravel was written over glass, which its author had seen" '["gravel"]' \
  "$(ctl -o json record explain accounts "$SHOP" industry | jq -c '[.concurrent[].value]')"
# ---- Two copies that are live at the same time ------------------------------------------------------
cp -r "$WORK/dora" "$WORK/twin"
SHELLS=()
for home in dora twin; do
  mkfifo "$WORK/$home.in"
  "$BIN/satchel" --home "$WORK/$home" --install-file "$WORK/mark" shell \
    <"$WORK/$home.in" >"$WORK/$home.out" 2>&1 &
  SHELLS+=($!)
done
exec 7>"$WORK/dora.in" 8>"$WORK/twin.in"
for i in $(seq 20); do
  echo "add accounts \"$SHOP\" visitCount=100000000000" >&7
  echo "add accounts \"$SHOP\" visitCount=10000000000000" >&8
  echo "set-add accounts \"$SHOP\" tags=dora$i" >&7
  echo "set-add accounts \"$SHOP\" tags=twin$i" >&8
  sleep 0.1
done
exec 7>&- 8>&-
wait "${SHELLS[@]}"
for _ in 1 2; do for home in dora twin; do must hidden "$home" sync; done; done
expect "every write of both counts once" $((32154321111 + 20 * 100000000000 + 20 * 10000000000000)) \
  "$(ctl dump --canonical | shown "$SHOP" | jq .visitCount)"
expect "and none is lost" 40 "$(ctl dump --canonical | shown "$SHOP" | jq '.tags | map(select(test("^(dora|twin)[0-9]"))) | length')"
expect "one id at most is the old one" no \
  "$([ "$(replica_of hidden dora)" = "$(replica_of hidden twin)" ] && echo yes || echo no)"
for home in dora twin; do
  expect "$home agrees with the server" "$(ctl dump --canonical --user dora | md5sum)" \
    "$(hidden "$home" dump --canonical | md5sum)"
  expect "nothing of $home's waits or was refused" "0 0" \
    "$(hidden "$home" -o json status | jq -r '"\(.pending) \(.rejected)"')"
done
expect "the server is sound" '[]' "$(ctl -o json fsck | jq -c .bad)"
finish
