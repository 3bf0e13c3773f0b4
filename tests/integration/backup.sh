#!/bin/bash
# A backup of a running server, what is found in a damaged one, and a server made from it: nothing
# that was acknowledged is lost, and who was shut out stays out.
. "$(dirname "$0")/lib.sh" "$1"
needs jq
sequence() { ctl -o json status | jq .sequence; }
kept() { ctl -o json status | jq .backed_up_through; }
# fields ID: what the server shows of an account.
fields() { ctl -o json record get accounts "$1" | jq -c '.fields | {name, visitCount}'; }

make_server
start_server
make_rep ann
make_rep bob
make_rep eve
ID=$(device ann put accounts name=First)
must device ann sync
for home in bob eve; do must device "$home" sync; done

# ---- Made while others write ------------------------------------------------------------------------
for i in $(seq 300); do echo "{\"name\":\"Shop $i\"}"; done >"$WORK/shops.ndjson"
must ctl import accounts "$WORK/shops.ndjson" --key name
for i in $(seq 60); do echo "add accounts \"$ID\" visitCount=1"; done >"$WORK/words"
(device bob shell <"$WORK/words" >/dev/null 2>&1; device bob sync >/dev/null 2>&1) &
WRITER=$!
must ctl backup create "$WORK/backup"
wait "$WRITER"
must device bob sync
SEQUENCE=$(jq .sequence "$WORK/backup/manifest.json")
expect "the server knows what is in the backup" "$SEQUENCE" "$(kept)"
expect "the backup is whole" "[]" "$(ctl -o json backup verify "$WORK/backup" | jq -c .bad)"
expect "it needs no server's folder" 0 "$(status_of "$BIN/satchelctl" backup verify "$WORK/backup")"
expect "a folder that holds something is refused" 6 "$(status_of ctl backup create "$WORK/backup")"
expect "and stays as it was" 0 "$(status_of ctl backup verify "$WORK/backup")"
expect "keys and data are apart" "" \
  "$(cd "$WORK/backup/data" && find . -name '*.key*' -o -name '*.token')"
expect "nobody else may read the keys" "" "$(find "$WORK/backup/keys" -type f -perm /077)"

# ---- What is in it and what is not ------------------------------------------------------------------
must device ann add accounts "$ID" visitCount=1000
LATER=$(device ann put accounts name="After the backup")
must device ann sync
must device bob sync
ANN=$(ctl -o json device list | jq -r 'select(.user == "ann") | .id')
EVE=$(ctl -o json device list | jq -r 'select(.user == "eve") | .id')
must ctl device revoke "$EVE"
expect "she is shut out" 5 "$(status_of device eve sync)"
WANTED=$(ctl dump --canonical)
stop_server

# ---- Damage -----------------------------------------------------------------------------------------
# flip FILE BYTE: one bit of it.
flip() { python3 - "$1" "$2" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); octet = f.read(1)[0]
    f.seek(int(sys.argv[2])); f.write(bytes([octet ^ 4]))
PY
}
named() { jq -r '[.bad[].file] | unique | join(" ")' "$WORK/out"; }
for file in $(cd "$WORK/backup" && find . -type f | sed 's,^\./,,'); do
  rm -rf "$WORK/bad"
  cp -r "$WORK/backup" "$WORK/bad"
  SIZE=$(stat -c %s "$WORK/bad/$file")
  flip "$WORK/bad/$file" $((RANDOM * 32768 % SIZE))
  expect "a flipped bit in $file" 8 "$(status_of ctl -o json backup verify "$WORK/bad")"
  expect_match "is found in it" "(^| )$file( |$)" "$(named)"
  expect "and not restored" 8 "$(status_of ctl restore "$WORK/bad" --into "$WORK/never")"
  cp "$WORK/backup/$file" "$WORK/bad/$file"
  truncate -s $((SIZE / 2)) "$WORK/bad/$file"
  expect "$file, cut" 8 "$(status_of ctl -o json backup verify "$WORK/bad")"
  expect_match "is named" "(^| )$file( |$)" "$(named)"
  rm "$WORK/bad/$file"
  expect "$file, missing" 8 "$(status_of ctl -o json backup verify "$WORK/bad")"
  expect_match "is named too" "(^| )$file( |$)" "$(named)"
done
expect "nothing was left half made" "" "$(ls "$WORK" | grep never)"
must "$BIN/satcheld" init --data "$WORK/other" --listen 127.0.0.1:0
rm -rf "$WORK/bad"
cp -r "$WORK/backup" "$WORK/bad"
cp "$WORK/other/workspaces/main/keys/root.key" "$WORK/bad/keys/root.key"
expect "another server's key" 8 "$(status_of ctl -o json backup verify "$WORK/bad")"
expect_match "is told from damage" "is not the key of this store" "$(jq -r .bad[].what "$WORK/out")"

# ---- Restored ---------------------------------------------------------------------------------------
mkdir "$WORK/apart" && mv "$WORK/backup/keys" "$WORK/apart/keys"
expect "without its keys it is none" 8 "$(status_of ctl backup verify "$WORK/backup")"
expect "kept apart they are found" 0 \
  "$(status_of ctl backup verify "$WORK/backup" --keys "$WORK/apart/keys")"
mkdir "$WORK/full" && touch "$WORK/full/thing"
restore() { ctl restore "$WORK/backup" --keys "$WORK/apart/keys" "$@"; }
expect "a folder that holds something is not restored into" 6 "$(status_of restore --into "$WORK/full")"
expect "and stays as it was" thing "$(ls "$WORK/full")"
LIFE=$(jq -r .incarnation "$WORK/backup/manifest.json")
mkdir "$WORK/new.restoring"
expect "two do not restore into one folder at once" 6 \
  "$(flock "$WORK/new.restoring" bash -c '"$@" >/dev/null 2>&1; echo $?' - "$BIN/satchelctl" restore \
    "$WORK/backup" --keys "$WORK/apart/keys" --into "$WORK/new")"
echo left >"$WORK/new.restoring/behind"
must restore --into "$WORK/new"
expect "what was left behind is not in it" 1 "$(status_of test -e "$WORK/new/behind")"
OLD=$DATA
DATA=$WORK/new
start_server
expect "it is another life" no \
  "$([ "$(ctl -o json status | jq -r .incarnation)" = "$LIFE" ] && echo yes || echo no)"
expect "it takes stock" "true 2" "$(ctl -o json status | jq -r '"\(.recovering) \(.awaited | length)"')"
expect "and knows of nothing missing yet" '[]' "$(ctl -o json status | jq -c .known_missing)"
expect "it stands where the backup did" "$SEQUENCE" "$(sequence)"
expect "what came later it does not know" 4 "$(status_of ctl record get accounts "$LATER")"
expect "who was shut out since stays out" 5 "$(status_of device eve sync)"
# Bob held what ann wrote after the backup: until she is back, it is named.
must device bob sync
expect "what is missing is named by its author" "$ANN 2" \
  "$(ctl -o json status | jq -r '.known_missing[] | "\(.device) \(.commits)"')"
expect "and by its records" "$(printf '%s\n' "$ID" "$LATER" | sort)" \
  "$(ctl -o json status | jq -r '.known_missing[].records[] | select(.collection == "accounts") | .id' | sort)"
expect "she is awaited" "[\"$ANN\"]" "$(ctl -o json status | jq -c .awaited)"
must device ann sync
expect "then nothing is missing" '[]' "$(ctl -o json status | jq -c .known_missing)"
expect "and the server is itself again" false "$(ctl -o json status | jq .recovering)"
for _ in 1 2; do for home in ann bob; do must device "$home" sync; done; done
expect "everything that was acknowledged is back" "$WANTED" "$(ctl dump --canonical)"
for home in ann bob; do
  expect "$home shows it" "$(ctl dump --canonical --user "$home")" "$(device "$home" dump --canonical)"
  expect "nothing of $home's waits or was refused" "0 0" \
    "$(json "$home" status | jq -r '"\(.pending) \(.rejected)"')"
done
expect "the store is whole" 0 "$(status_of ctl fsck)"
stop_server

# ---- A raw copy put back behind the server's back ---------------------------------------------------
cp -r "$DATA" "$WORK/raw"
start_server
LIFE=$(ctl -o json status | jq -r .incarnation)
must device ann add accounts "$ID" visitCount=20000
must device ann sync
must device bob sync
WANTED=$(ctl dump --canonical)
stop_server
rm -rf "$DATA" && mv "$WORK/raw" "$DATA"
start_server
expect "nobody can see it by the copy itself" false "$(ctl -o json status | jq .recovering)"
expect "the first device that knows more does" 7 "$(status_of device bob sync)"
expect_match "and says so" restored_server "$(cat "$WORK/err")"
expect "the server began another life" no \
  "$([ "$(ctl -o json status | jq -r .incarnation)" = "$LIFE" ] && echo yes || echo no)"
expect "and takes stock" true "$(ctl -o json status | jq .recovering)"
for _ in 1 2; do for home in bob ann; do must device "$home" sync; done; done
expect "everything that was acknowledged is back again" "$WANTED" "$(ctl dump --canonical)"
expect "nothing counts twice" "$(ctl dump --canonical --user bob)" "$(device bob dump --canonical)"
stop_server

# ---- The ledger -------------------------------------------------------------------------------------
mv "$OLD" "$WORK/gone"
LEDGER=$WORK/gone/ledger/main.ledger
rm -rf "$WORK/new"
expect "one that is not there is not passed over" 4 "$(status_of restore --into "$WORK/new" --ledger "$WORK/none")"
expect "nor is another server's" 8 \
  "$(cp "$LEDGER" "$WORK/odd"; flip "$WORK/odd" 20; status_of restore --into "$WORK/new" --ledger "$WORK/odd")"
expect "and nothing is left" "" "$(ls "$WORK" | grep new)"
must restore --into "$WORK/new" --ledger "$LEDGER"
start_server
expect "with it she stays out" 5 "$(status_of device eve sync)"
expect "and nothing is amiss" '{"damaged":0,"lost":false}' \
  "$(ctl -o json status | jq -cS '.ledger | del(.entries)')"
stop_server
rm -rf "$WORK/new"
: >"$WORK/server.log"
expect "without it a server is made all the same" 0 "$(status_of restore --into "$WORK/new")"
expect_match "but that is said" "ledger_lost.*revoked" "$(cat "$WORK/err")"
start_server
expect_match "at every start" '"level":"error","msg":"ledger_lost"' "$(cat "$WORK/server.log")"
expect "and in the status" true "$(ctl -o json status | jq .ledger.lost)"
stop_server
: >"$WORK/server.log"
start_server
expect_match "until somebody has dealt with it" ledger_lost "$(cat "$WORK/server.log")"
BOB=$(ctl -o json device list | jq -r 'select(.user == "bob") | .id')
must ctl device wipe "$BOB"
stop_server
# One that lost its newest entries is found out too, and what is left of it counts.
truncate -s -96 "$WORK/new/ledger/main.ledger"
: >"$WORK/server.log"
start_server
expect_match "a cut one is told" ledger_lost "$(cat "$WORK/server.log")"
expect "who was shut out stays out" true \
  "$(ctl -o json device list | jq -r 'select(.user == "bob") | .revoked')"
stop_server

# ---- A ledger on another disk is found there, whatever became of the data ---------------------------
DATA=$WORK/second
must "$BIN/satcheld" init --data "$DATA" --listen 127.0.0.1:0
printf '\n[ledger]\nfile = "%s"\n' "$WORK/safe/second.ledger" >>"$DATA/satcheld.toml"
start_server
make_rep zoe
must device zoe sync
must ctl backup create "$WORK/backup2"
must ctl device revoke "$(ctl -o json device list | jq -r .id)"
stop_server
rm -rf "$DATA"
must "$BIN/satchelctl" -o json restore "$WORK/backup2" --into "$DATA"
expect "it is found" "$WORK/safe/second.ledger" "$(jq -r .ledger.from "$WORK/out")"
start_server
expect "and zoe stays out" 5 "$(status_of device zoe sync)"
expect "it stays where it was" "[]" "$(find "$DATA" -name '*.ledger' | jq -Rsc 'split("\n") | map(select(. != ""))')"
stop_server
finish
