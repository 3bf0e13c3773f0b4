#!/bin/bash
# Two people edit the same customers without a network, sync in both orders, over a server that is
# killed between commit and acknowledgement; then everybody shows what was written down by hand here.
. "$(dirname "$0")/lib.sh" "$1"
HERE=$(dirname "$0")
CANARY=canary-5b1f0c9e
A=018f3c5e-7b1a-7c3d-9e4f-00000000000a
B=018f3c5e-7b1a-7c3d-9e4f-00000000000b
C=018f3c5e-7b1a-7c3d-9e4f-00000000000c

status_of() {
  "$@" >/dev/null 2>&1
  echo $?
}
field() { device "$1" -o json status | sed -n "s/.*\"$2\":\([^,}]*\).*/\1/p"; }
# The accounts as somebody shows them, without the moments and device names of this run.
plain() {
  grep '"collection":"accounts"' |
    sed -E 's/"createdAt":[0-9]+/"createdAt":0/; s/"createdOn":"[0-9a-f]+"/"createdOn":"x"/'
}
shown() { device "$1" dump --canonical | plain; }
# Time enough that a later write has a higher stamp on every device.
later() { sleep 0.15; }

make_server
start_server
make_users ann bob
for user in ann bob; do
  must device $user enroll "$(ctl device enroll --user $user)" --name tablet
done

# ---- Without a network ---------------------------------------------------------------------------
for id in $A $B $C; do
  must device ann put accounts $id --new name="Start" type=shop tags:='["old"]' website="$CANARY.example"
done
must device ann sync
must device bob sync
expect "what bob got" "$(shown ann)" "$(shown bob)"

# A: ann writes first and syncs first. B: bob writes first and syncs last. C: bob deletes, ann edits.
must device ann put accounts $A name="Ann & Sons" industry=food openingHours.mon=8-12 billingAddress.city=Lyon
must device ann set-add accounts $A tags=ann
must device ann add accounts $A visitCount=2
must device bob put accounts $B name="Bob B" size=small openingHours.tue=9-17
must device bob add accounts $B visitCount=5
later
must device bob put accounts $A name="Bob A" size=big openingHours.tue=9-17 lastVisitAt=2024-05-02T08:00:00Z
must device bob set-add accounts $A tags=bob
must device bob set-remove accounts $A tags=old
must device bob add accounts $A visitCount=3
must device ann put accounts $B name="Ann B" status=active lastVisitAt=2024-05-01T08:00:00Z
must device ann add accounts $B visitCount=-1
must device bob delete accounts $C
later
must device ann put accounts $C industry=steel
expect "what waits at ann's" 6 "$(field ann pending)"
expect "what waits at bob's" 7 "$(field bob pending)"

must device ann sync
must device bob sync
must device ann sync

cat >"$WORK/wanted" <<END
{"collection":"accounts","fields":{"billingAddress":{"city":"Lyon"},"createdAt":0,"createdBy":"ann","createdOn":"x","industry":"food","lastVisitAt":1714636800000000,"name":"Bob A","openingHours":{"mon":"8-12","tue":"9-17"},"owner":"ann","size":"big","tags":["ann","bob"],"territory":"north","type":"shop","visitCount":5,"website":"$CANARY.example"},"id":"$A"}
{"collection":"accounts","fields":{"createdAt":0,"createdBy":"ann","createdOn":"x","lastVisitAt":1714550400000000,"name":"Ann B","openingHours":{"tue":"9-17"},"owner":"ann","size":"small","status":"active","tags":["old"],"territory":"north","type":"shop","visitCount":4,"website":"$CANARY.example"},"id":"$B"}
{"collection":"accounts","fields":{"createdAt":0,"createdBy":"ann","createdOn":"x","industry":"steel","name":"Start","owner":"ann","tags":["old"],"territory":"north","type":"shop","website":"$CANARY.example"},"id":"$C"}
END
expect "what ann shows" "$(cat "$WORK/wanted")" "$(shown ann)"
expect "what bob shows" "$(cat "$WORK/wanted")" "$(shown bob)"
expect "what the server shows" "$(cat "$WORK/wanted")" "$(ctl dump --canonical | plain)"
expect "clocks too" "$(device ann dump --canonical --clocks)" "$(device bob dump --canonical --clocks)"
expect "nothing waits" 0 "$(field ann pending)$(field bob pending | tr -d 0)"

# ---- What lost is there ---------------------------------------------------------------------------
expect "the fields in conflict" 2 "$(device bob conflicts accounts | grep -c '"field":"name"')"
# Who wrote is told as each reader knows him: "you", a name, another device.
unnamed() { sed -E 's/"(replica|sentence)":"([^"\\]|\\.)*"//g'; }
expect "the same at ann's" "$(device bob conflicts | unnamed)" "$(device ann conflicts | unnamed)"
WHY=$(device ann -o json explain accounts $A name)
expect_match "who won" '"shown":"Bob A"' "$WHY"
expect_match "who lost" '"value":"Ann & Sons"' "$WHY"
DOT=$(sed -n 's/.*"losers":\["\([^"]*\)".*/\1/p' <<<"$WHY")
must device ann restore accounts $A name --dot "$DOT"
must device bob resolve accounts $B name="Agreed"
must device ann sync
must device bob sync
must device ann sync
expect "restored" 1 "$(shown bob | grep -c '"name":"Ann & Sons"')"
expect "agreed" 1 "$(shown ann | grep -c '"name":"Agreed"')"
expect "no conflict is left" "00" "$(field ann conflicts)$(field bob conflicts)"

# ---- What stages forbid and what takes them back --------------------------------------------------
ORDER=$(device ann put orders account=$A poNumber=PO-1)
LINE=$(device ann put orderLines order="$ORDER" quantity=5)
CASE=$(device ann put cases account=$A title=Leak status=pending)
must device ann sync
must device bob sync
must device ann put orders "$ORDER" status=submitted
expect "a submitted order is frozen" 6 "$(status_of device ann put orders "$ORDER" note=x)"
expect_match "and says so" "error: field_frozen: .*orders.note is frozen since status is" \
  "$(device ann put orders "$ORDER" note=x 2>&1)"
expect "its lines too" 6 "$(status_of device ann put orderLines "$LINE" quantity=6)"
expect "no line is added" 6 "$(status_of device ann put orderLines order="$ORDER" quantity=1)"
expect "nor is it deleted" 5 "$(status_of device ann delete orders "$ORDER")"
must device bob put orders "$ORDER" poNumber=PO-2 contact=somebody
must device bob delete orderLines "$LINE"
must device ann put cases "$CASE" status=resolved
must device bob log-append cases "$CASE" comments:='{"text":"still wet"}'
must device ann sync
must device bob sync
must device ann sync
for user in ann bob; do
  expect_match "what came first stands with $user" '"contact":"somebody".*"poNumber":"PO-1"' \
    "$(device $user -o json get orders "$ORDER")"
  expect_match "a comment reopens the case with $user" '"status":"open"' \
    "$(device $user -o json get cases "$CASE")"
  expect_match "the line lives with $user" '"quantity":5' "$(device $user -o json get orderLines "$LINE")"
done
expect_match "why" '"sentence":"The field status is ..open.. again because the entry' \
  "$(device ann -o json explain cases "$CASE" status)"
expect_match "the basis" '"frozen":"status is ..submitted...*"retention":"legal"' \
  "$(device bob -o json explain orders "$ORDER" note)"
expect_match "the same on the server" '"frozen":"status is ..submitted...*"retention":"legal"' \
  "$(ctl -o json record explain orders "$ORDER" note)"
expect "what came second waits with its author" "field_frozen record_retained" \
  "$(device bob -o json inbox | sed -n 's/.*"code":"\([^"]*\)".*/\1/p' | sort | xargs)"
expect_match "and says since which stage" '"code":"field_frozen".*"sentence":"orders.poNumber is frozen since status is ..submitted..; only the office changes it."' \
  "$(device bob -o json inbox)"
expect_match "also of what is kept" '"code":"record_retained".*"sentence":"orderLines is kept \(legal\) since order.status is ..submitted..; the office' \
  "$(device bob -o json inbox)"
for item in $(device bob -o json inbox | sed -n 's/.*"id":\([0-9]*\),"outcome".*/\1/p'); do
  must device bob inbox discard "$item"
done

# ---- The server dies between commit and acknowledgement ------------------------------------------
PORT=${HOSTPORT##*:}
for round in 1 2 3; do
  # Random text does not compress: the push is far larger than all that goes before it.
  NOTE=$(head -c 30000 /dev/urandom | base64 -w0)
  must device ann add accounts $A visitCount=10
  must device ann put tasks account=$A title="Round $round $NOTE"
  rm -f "$WORK/proxy.port"  # The last round's must not be taken for this one's.
  python3 "$HERE/../faults/fault_proxy.py" "$PORT" swallow up 20000 >"$WORK/proxy.port" &
  PROXY=$!
  for _ in $(seq 100); do [ -s "$WORK/proxy.port" ] && break; sleep 0.05; done
  expect "round $round: a sync whose answer was swallowed" 7 \
    "$(status_of device ann --connect "127.0.0.1:$(cat "$WORK/proxy.port")" sync)"
  wait $PROXY
  expect "round $round: the proxy cut" 0 $?
  kill -KILL "$SERVER_PID"
  wait "$SERVER_PID" 2>/dev/null
  expect "round $round: the server had committed" "$((5 + 10 * round))" \
    "$(ctl dump --canonical | sed -n "s/.*\"visitCount\":\([0-9]*\).*\"id\":\"$A\".*/\1/p")"
  expect "round $round: ann does not know" 2 "$(field ann pending)"
  expect "round $round: no server" 7 "$(status_of device ann sync)"
  start_server
  must device ann sync
  expect "round $round: nothing waits" 0 "$(field ann pending)"
  must device bob sync
  expect "round $round: counted once" "$((5 + 10 * round))" \
    "$(shown bob | sed -n "s/.*\"visitCount\":\([0-9]*\).*\"id\":\"$A\".*/\1/p")"
done

# Killed at any moment, while both devices sync.
for round in $(seq 8); do
  must device ann add accounts $B visitCount=1
  must device bob add accounts $B visitCount=1
  device ann sync >/dev/null 2>&1 &
  ANN=$!
  device bob sync >/dev/null 2>&1 &
  BOB=$!
  sleep "0.0$round"
  kill -KILL "$SERVER_PID"
  wait "$SERVER_PID" 2>/dev/null
  wait $ANN
  wait $BOB
  start_server
done
must device ann sync --retries 3
must device bob sync --retries 3
must device ann sync --retries 3
expect "each counted once" 20 "$(shown ann | sed -n "s/.*\"visitCount\":\([0-9]*\).*\"id\":\"$B\".*/\1/p")"
expect "everybody agrees" "$(device ann dump --canonical --clocks)" "$(device bob dump --canonical --clocks)"
expect "the server too" "$(device ann dump --canonical)" "$(ctl dump --canonical --user ann)"
expect "nothing was refused" "00" "$(field ann rejected)$(field bob rejected)"

# ---- Nothing readable on any disk ----------------------------------------------------------------
expect "ann's store is sound" 0 "$(status_of device ann verify)"
expect "bob's store is sound" 0 "$(status_of device bob verify)"
expect "ann has read it" 3 "$(shown ann | grep -c "$CANARY")"
rm -f "$WORK"/out "$WORK"/wanted
echo "$CANARY" >"$WORK/ann/control"
expect "the search finds what is there" 1 "$(grep -rlaF "$CANARY" "$WORK" | wc -l)"
rm "$WORK/ann/control"
expect "and nothing else" "" "$(grep -rlaF "$CANARY" "$WORK")"
stop_server
expect "the server ends well" 0 "$SERVER_STATUS"
expect "and leaves nothing readable" "" "$(grep -rlaF "$CANARY" "$WORK")"
finish
