#!/bin/bash
# The admin's verbs, their exit codes and shapes.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server

# Users and territories.
expect "a territory that is not there" 4 "$(status_of ctl user create ann --role rep --territory north)"
expect "made nobody" 4 "$(status_of ctl user show ann)"
for territory in north south east; do must ctl territory create $territory; done
expect "user create" 0 "$(status_of ctl user create ann --role rep --territory north --territory south)"
expect "the same again" 6 "$(status_of ctl user create ann --role rep)"
expect_match "one line" '^error: already_exists: ' "$(cat "$WORK/err")"
expect "an unknown role" 1 "$(status_of ctl user create bob --role boss)"
expect "a bad name" 1 "$(status_of ctl user create 'B B' --role rep)"
expect "no role" 2 "$(status_of ctl user create bob)"
expect "an unknown verb" 2 "$(status_of ctl user dance)"
expect "a problem object with -o json" 6 "$(status_of ctl -o json user create ann --role rep)"
expect_match "whose code" '"code":"already_exists"' "$(cat "$WORK/err")"
expect "a manager" 0 "$(status_of ctl user create mia --role manager)"
expect "user list" 2 "$(ctl user list -o json | grep -c '"role"')"
expect_match "user show" '"territories":\["north","south"\]' "$(ctl user show ann -o json)"
expect "user show of nobody" 4 "$(status_of ctl user show nobody)"
expect "set-role" 0 "$(status_of ctl user set-role ann manager)"
expect_match "took effect" '"role":"manager"' "$(ctl user show ann -o json)"
ctl user set-role ann rep >/dev/null
expect "territory set to one that is not there" 4 "$(status_of ctl territory set ann west)"
expect "territory set" 0 "$(status_of ctl territory set ann east)"
expect_match "took effect" '"territories":\["east"\]' "$(ctl user show ann -o json)"
expect "territory create" 0 "$(status_of ctl territory create emea)"
expect "territory create below it" 0 "$(status_of ctl territory create nordics --parent emea)"
expect "territory create with a tab" 1 "$(status_of ctl territory create $'a\tb')"
expect "territory create of blanks" 1 "$(status_of ctl territory create "   ")"
expect "territory create twice" 6 "$(status_of ctl territory create north)"
expect "territory create below nothing" 4 "$(status_of ctl territory create x --parent nothing)"
expect_match "territory list" '"name":"nordics","parent":"emea"' "$(ctl territory list -o json)"
expect "users are records too" 2 "$(ctl export users | grep -c '"collection":"users"')"
expect "territories are records too" 5 "$(ctl dump --canonical | grep -c '"collection":"territories"')"

# Records.
ID=$(ctl record put accounts name=Acme billingAddress.city=Berlin billingAddress.country=DE \
  phones=030-1 visitWindows.mon=08:00-12:00 status=active)
expect_match "record put" '^[0-9a-f-]{36}$' "$ID"
GOT=$(ctl -o json record get accounts "$ID")
expect_match "a struct's members" '"billingAddress":\{"city":"Berlin","country":"DE"\}' "$GOT"
expect_match "a set" '"phones":\["030-1"\]' "$GOT"
expect_match "a map" '"visitWindows":\{"mon":"08:00-12:00"\}' "$GOT"
expect_match "its author" '"createdBy":"admin"' "$GOT"
expect "another member" 0 "$(status_of ctl record put accounts "$ID" billingAddress.city=Bonn)"
expect_match "keeps the first" '"billingAddress":\{"city":"Bonn","country":"DE"\}' \
  "$(ctl -o json record get accounts "$ID")"
expect "a JSON value" 0 "$(status_of ctl record put accounts "$ID" 'creditLimit:={"minor":5,"currency":"EUR"}')"
expect "a cleared field" 0 "$(status_of ctl record put accounts "$ID" billingAddress=)"
expect "is absent" 0 "$(ctl -o json record get accounts "$ID" | grep -c billingAddress)"
UNKNOWN=01900000-0000-7000-8000-000000000001
expect "an unknown id" 4 "$(status_of ctl record put accounts "$UNKNOWN" name=X)"
expect "with --new" 0 "$(status_of ctl record put accounts "$UNKNOWN" name=X --new)"
expect "an unknown field" 4 "$(status_of ctl record put accounts "$ID" nothing=1)"
expect "an unknown collection" 4 "$(status_of ctl record put nothing name=1)"
expect "a wrong type" 1 "$(status_of ctl record put accounts "$ID" naturalPerson=perhaps)"
expect_match "names the field and not the value" 'naturalPerson' "$(cat "$WORK/err")"
expect "an unknown purpose" 5 "$(status_of ctl --purpose Mischief record put accounts "$ID" name=Y)"
expect "no assignment" 2 "$(status_of ctl record put accounts "$ID" name)"
expect_match "history" '"field":"name"' "$(ctl -o json record history accounts "$ID")"
expect_match "explain" '"field":"name".*"sentence":"' "$(ctl -o json record explain accounts "$ID" name)"
expect "explain an unknown field" 4 "$(status_of ctl record explain accounts "$ID" nothing)"
expect "no conflicts" 0 "$(ctl -o json record conflicts | wc -l)"
expect "resolve" 0 "$(status_of ctl record resolve accounts "$ID" name=Acme2)"
expect_match "took effect" '"name":"Acme2"' "$(ctl -o json record get accounts "$ID")"
expect "restore of an unknown value" 4 \
  "$(status_of ctl record restore accounts "$ID" name --dot 00000000000000000000000000000000:1)"
expect "delete" 0 "$(status_of ctl record delete accounts "$ID")"
expect "get of a deleted record" 4 "$(status_of ctl record get accounts "$ID")"
expect "it is in no dump" 0 "$(ctl dump --canonical | grep -c "$ID")"
expect "restore" 0 "$(status_of ctl record restore accounts "$ID")"
expect "get of a restored record" 0 "$(status_of ctl record get accounts "$ID")"

# Dumps.
ctl dump --canonical >"$WORK/all"
expect "dump sorts by collection and id" 0 \
  "$(sed 's/.*"collection":"\([^"]*\)".*"id":"\([^"]*\)".*/\1 \2/' "$WORK/all" | LC_ALL=C sort -c; echo $?)"
expect "a rep's share is within it" 0 \
  "$(ctl dump --canonical --user ann | grep -vxFc -f "$WORK/all")"
expect "of an unknown user" 4 "$(status_of ctl dump --canonical --user nobody)"
expect_match "with clocks" '"clocks":\{' "$(ctl dump --canonical --clocks | head -1)"

# Schema.
expect_match "schema show" '"name":"accounts"' "$(ctl -o json schema show)"
cat >"$WORK/more.capnp" <<'SCHEMA'
@0xd1d2d3d4d5d6d7d8;
using S = import "/satchel/annotations.capnp";
struct Vehicle $S.collection("vehicles") $S.scopes(["all"]) {
  plate @0 :Text $S.merge(lww) $S.privacy(company);
}
SCHEMA
expect "a schema that takes collections away" 3 "$(status_of ctl schema check "$WORK/more.capnp")"
expect_match "names one" 'accounts' "$(cat "$WORK/err")"
echo 'struct {' >"$WORK/broken.capnp"
expect "a schema that does not compile" 3 "$(status_of ctl schema apply "$WORK/broken.capnp")"

# Status and fsck.
expect_match "status" '"sequence":[0-9]+' "$(ctl -o json status)"
expect_match "fsck" '"bad":\[\]' "$(ctl -o json fsck)"

# Who may not.
expect "another token" 5 "$(echo satchel_admin_x >"$WORK/token"; \
  status_of "$BIN/satchelctl" --server "$ADMIN_URL" --token-file "$WORK/token" --ca "$CA" user list)"
expect "the right one by hand" 0 \
  "$(status_of "$BIN/satchelctl" --server "$ADMIN_URL" --token-file "$DATA/admin.token" --ca "$CA" user list)"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/k" -out "$WORK/ca" \
  -subj /CN=other -days 1 2>/dev/null
expect "another authority" 7 "$(status_of "$BIN/satchelctl" --server "$ADMIN_URL" \
  --token-file "$DATA/admin.token" --ca "$WORK/ca" user list)"
expect_match "and why" '^error: certificate_wrong: ' "$(cat "$WORK/err")"
expect "neither --data nor --server" 2 "$(status_of "$BIN/satchelctl" user list)"

# A user's name is personal: it is in what is printed, and in no file of the store.
ctl user create zebracanary --role rep >/dev/null
ctl user list >"$WORK/users"
stop_server
expect "drain" 0 "$SERVER_STATUS"
expect "a name where it belongs" 1 "$(grep -c zebracanary "$WORK/users")"
expect "a name in the store" 0 "$(cat "$DATA"/workspaces/main/data/* | grep -ac zebracanary)"
finish
