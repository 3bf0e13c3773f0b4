#!/bin/bash
# Imports: mapped, checked row by row, and the same on every run.
. "$(dirname "$0")/lib.sh" "$1"
make_server
start_server

# Byte order mark, CRLF, quotes, a comma and a line end within cells.
printf '\xEF\xBB\xBFCustomerID,CompanyName,City,Country,Phone,Active\r\n' >"$WORK/customers.csv"
printf 'ALFKI,"Alfreds ""Futter"" kiste",Berlin,Germany,030-0074321; 030-1,1\r\n' >>"$WORK/customers.csv"
printf 'ANATR,"Ana, Trujillo\nEmparedados","México D.F.",Mexico,,0\r\n' >>"$WORK/customers.csv"
cat >"$WORK/customers.toml" <<'TOML'
key = "externalIds.shop"
[fields]
name = "CompanyName"
"externalIds.shop" = "CustomerID"
"billingAddress.city" = "City"
"billingAddress.country" = "Country"
phones = { column = "Phone", split = ";" }
type = { value = "customer" }
industry = { template = "{City} ({Country})" }
naturalPerson = { column = "Active", map = { "1" = "false", "0" = "true" } }
TOML
run() { ctl -o json import "$@" >"$WORK/report" 2>"$WORK/err"; echo $?; }

expect "a dry run" 0 "$(run accounts "$WORK/customers.csv" --map "$WORK/customers.toml" --dry-run)"
expect_match "tells what would be" '"created":2,"updated":0,"unchanged":0' "$(cat "$WORK/report")"
expect "and writes nothing" 0 "$(ctl export accounts | wc -l)"
expect "the import" 0 "$(run accounts "$WORK/customers.csv" --map "$WORK/customers.toml")"
expect_match "its report" '"created":2,"updated":0,"unchanged":0' "$(cat "$WORK/report")"
ctl dump --canonical >"$WORK/first"
expect_match "quotes" '"name":"Alfreds \\"Futter\\" kiste"' "$(cat "$WORK/first")"
expect_match "a line end in a cell" '"name":"Ana, Trujillo\\nEmparedados"' "$(cat "$WORK/first")"
expect_match "members of a struct" '"billingAddress":\{"city":"Berlin","country":"Germany"\}' "$(cat "$WORK/first")"
expect_match "elements of a set" '"phones":\["030-0074321","030-1"\]' "$(cat "$WORK/first")"
expect_match "a constant" '"type":"customer"' "$(cat "$WORK/first")"
expect_match "a template" '"industry":"Berlin \(Germany\)"' "$(cat "$WORK/first")"
expect_match "a translation" '"naturalPerson":true' "$(cat "$WORK/first")"
SEQ=$(ctl -o json status | sed 's/.*"sequence":\([0-9]*\).*/\1/')
expect "a second run" 0 "$(run accounts "$WORK/customers.csv" --map "$WORK/customers.toml")"
expect_match "changes nothing" '"created":0,"updated":0,"unchanged":2' "$(cat "$WORK/report")"
expect "not even the sequence" "$SEQ" "$(ctl -o json status | sed 's/.*"sequence":\([0-9]*\).*/\1/')"
ctl dump --canonical | cmp -s - "$WORK/first"
expect "nor a byte" 0 $?
sed -i 's/Berlin/Bonn/' "$WORK/customers.csv"
expect "a changed row" 0 "$(run accounts "$WORK/customers.csv" --map "$WORK/customers.toml")"
expect_match "is written" '"created":0,"updated":1,"unchanged":1' "$(cat "$WORK/report")"

# References by another collection's key, and rows that cannot be used.
cat >"$WORK/contacts.csv" <<'CSV'
rec,given,family,customer,birthday
1,Maria,Anders,ALFKI,1980-01-02
2,Ana,Trujillo,NOBODY,
3,Zoe,Zweig
,No,Key,ALFKI,
CSV
cat >"$WORK/contacts.toml" <<'TOML'
key = "externalIds.rec"
[fields]
"name.given" = "given"
"name.family" = "family"
"externalIds.rec" = "rec"
birthday = "birthday"
account = { column = "customer", ref = "accounts", by = "externalIds.shop" }
TOML
ctl import contacts "$WORK/contacts.csv" --map "$WORK/contacts.toml" >"$WORK/report" 2>"$WORK/err"
expect "rows that cannot be used" 1 $?
expect_match "an unknown reference" "contacts.csv:3: account: " "$(cat "$WORK/report")"
expect_match "too few cells" "contacts.csv:4: row: has 3 cells" "$(cat "$WORK/report")"
expect_match "no key" "contacts.csv:5: externalIds.rec: " "$(cat "$WORK/report")"
expect "the others are there" 1 "$(ctl export contacts | wc -l)"
ACCOUNT=$(ctl export accounts | sed -n 's/.*"shop":"ALFKI".*"id":"\([^"]*\)".*/\1/p')
expect_match "with their reference" "\"account\":\"$ACCOUNT\"" "$(ctl export contacts)"

# Money and times.
cat >"$WORK/deals.csv" <<'CSV'
no,title,sum,due
1,First,9.8,1996-07-04 00:00:00.000
2,Second,12.345,1996-07-04
3,Third,x,1996-07-04
CSV
cat >"$WORK/deals.toml" <<'TOML'
key = "externalIds.no"
[fields]
name = "title"
"externalIds.no" = "no"
"amount.minor" = { column = "sum", scale = 100 }
"amount.currency" = { value = "EUR" }
closeDate = { column = "due", time = true }
TOML
ctl import opportunities "$WORK/deals.csv" --map "$WORK/deals.toml" >"$WORK/report" 2>/dev/null
expect "sums that are none" 1 $?
expect_match "too many decimals" 'deals.csv:3: amount.minor: ' "$(cat "$WORK/report")"
expect_match "no number" 'deals.csv:4: amount.minor: ' "$(cat "$WORK/report")"
expect_match "money" '"amount":\{"currency":"EUR","minor":980\}' "$(ctl export opportunities)"
expect_match "time" '"closeDate":836438400000000' "$(ctl export opportunities)"

# Without a map: columns are fields; --key names a field or a name of the outside world.
printf 'sku,name,active\nA-1,Bolt,true\nA-2,Nut,false\n' >"$WORK/products.csv"
expect "by a field" 0 "$(run products "$WORK/products.csv" --key sku)"
expect "twice" 0 "$(run products "$WORK/products.csv" --key sku)"
expect_match "changes nothing" '"created":0,"updated":0,"unchanged":2' "$(cat "$WORK/report")"
printf 'rec_id,jobTitle\nr-1,Buyer\n' >"$WORK/people.csv"
expect "by a foreign name" 0 "$(run contacts "$WORK/people.csv" --key rec_id)"
expect_match "which is kept" '"externalIds":\{"rec_id":"r-1"\}' "$(ctl export contacts)"
printf 'title,priority\nCall,high\n' >"$WORK/tasks.csv"
expect "rows that are their own key" 0 "$(run tasks "$WORK/tasks.csv")"
expect "twice" 0 "$(run tasks "$WORK/tasks.csv")"
expect_match "changes nothing" '"created":0,"updated":0,"unchanged":1' "$(cat "$WORK/report")"

# What export gives, import takes: the same records in another server.
ctl export accounts >"$WORK/accounts.ndjson"
stop_server
rm -rf "$DATA"
make_server
start_server
expect "an export comes in" 0 "$(run accounts "$WORK/accounts.ndjson")"
ctl export accounts | cmp -s - "$WORK/accounts.ndjson"
expect "as it was" 0 $?
expect "twice" 0 "$(run accounts "$WORK/accounts.ndjson")"
expect_match "changes nothing" '"created":0,"updated":0,"unchanged":2' "$(cat "$WORK/report")"

# Users by import are users.
printf 'name,role,active\nzoe,rep,true\nno body,rep,true\n' >"$WORK/users.csv"
ctl import users "$WORK/users.csv" --key name >"$WORK/report" 2>/dev/null
expect "a name that is none" 1 $?
expect_match "is named" 'users.csv:3: name: ' "$(cat "$WORK/report")"
expect_match "the other is a user" '"role":"rep"' "$(ctl -o json user show zoe)"

# Files that are none.
expect "no such file" 1 "$(run accounts "$WORK/nothing.csv")"
expect "another kind of file" 2 "$(run accounts "$WORK/customers.toml")"
printf 'name\n"open\n' >"$WORK/open.csv"
expect "a quote that never closes" 1 "$(run accounts "$WORK/open.csv")"
expect_match "names its place" '"line":2,"column":1,"field":"","reason":"a quote never closes' "$(cat "$WORK/report")"
expect "a column that is not there" 2 "$(run accounts "$WORK/open.csv" --map "$WORK/customers.toml")"
printf '[fields]\nname = 3\n' >"$WORK/bad.toml"
expect "a map that is none" 3 "$(run accounts "$WORK/customers.csv" --map "$WORK/bad.toml")"
expect_match "names its place" 'bad.toml:2:[0-9]+: name: ' "$(cat "$WORK/err")"
expect "an unknown collection" 4 "$(run nothing "$WORK/customers.csv" --key name)"

printf 'name,size\nGood one,1\nMeier\xff,2\nGood two,3\n' >"$WORK/latin.csv"
expect "a row that is not UTF-8" 1 "$(run accounts "$WORK/latin.csv" --key name)"
expect_match "names its place" '"line":3,"column":6,"field":"name","reason":"is not of the file' "$(cat "$WORK/report")"
expect_match "the others are taken" '"created":2' "$(cat "$WORK/report")"
printf 'name,name\na,b\n' >"$WORK/twice.csv"
expect "which is read where its encoding is said" 0 "$(run accounts "$WORK/latin.csv" --key name --encoding iso-8859-1)"
expect_match "as it was meant" '"name":"Meierÿ"' "$(ctl export accounts)"
expect "a column named twice" 1 "$(run accounts "$WORK/twice.csv" --key name)"
expect_match "is named" 'twice.csv:1: column `name` stands twice' "$(cat "$WORK/err")"

# One bad row costs only itself.
printf 'name,size\rOne,1\r\nTw"o,2\nThree,3,3\nFo\0ur,4\n"Fi\nve" ,5\nSix,6\n' >"$WORK/mixed.csv"
expect "line ends of all kinds, and rows of no kind" 1 "$(run accounts "$WORK/mixed.csv" --key name)"
expect_match "two rows are good" '"created":2,' "$(cat "$WORK/report")"
expect "and four are named, each by its line" "3 4 5 7" "$(grep -o '"line":[0-9]*' "$WORK/report" | cut -d: -f2 | xargs)"
python3 - "$WORK/long.csv" <<'PY'
import sys
with open(sys.argv[1], "wb") as file:
    file.write(b"name\nBefore\n")
    for _ in range(300):
        file.write(b"x" * 1048576)
    file.write(b"\nBehind\n")
PY
(ulimit -v 400000; ctl -o json import accounts "$WORK/long.csv" --key name) >"$WORK/report" 2>"$WORK/err"
expect "a line of 300 MiB in less memory than that" 1 $?
expect_match "is named" '"line":3,"field":"","reason":"a row is too long"' "$(cat "$WORK/report")"
expect_match "and what stands around it is read" '"created":2,' "$(cat "$WORK/report")"
rm "$WORK/long.csv"

# Encodings.
printf 'name,size\nZo\xc3\xab,1\n' | iconv -f UTF-8 -t UTF-16 >"$WORK/utf16.csv"
expect "UTF-16 with its mark" 0 "$(run accounts "$WORK/utf16.csv" --key name)"
printf 'name,size\nZo\xc3\xab,1\n' | iconv -f UTF-8 -t UTF-16LE >"$WORK/utf16le.csv"
expect "and without" 1 "$(run accounts "$WORK/utf16le.csv" --key name)"
expect_match "is told how" 'utf16le.csv:1: holds a NUL; if the file is UTF-16' "$(cat "$WORK/err")"
expect "UTF-16 as told" 0 "$(run accounts "$WORK/utf16le.csv" --key name --encoding utf-16le)"
expect_match "is the same" '"unchanged":1' "$(cat "$WORK/report")"

# Pipes and stdin.
printf 'name,size\nPiped,1\n' >"$WORK/piped.csv"
expect "stdin" 0 "$(run accounts - --format csv --key name <"$WORK/piped.csv")"
expect_match "is read" '"created":1,' "$(cat "$WORK/report")"
mkfifo "$WORK/fifo.csv"
cat "$WORK/piped.csv" >"$WORK/fifo.csv" &
expect "a pipe" 0 "$(run accounts "$WORK/fifo.csv" --key name)"
expect_match "is read" '"unchanged":1,' "$(cat "$WORK/report")"

# Headers and maps that name what is not there: all of it at once, and nothing is written.
SEQ=$(ctl -o json status | sed 's/.*"sequence":\([0-9]*\).*/\1/')
printf 'name,colour,taste\nOne,red,sweet\n' >"$WORK/columns.csv"
expect "columns that are no fields" 4 "$(run accounts "$WORK/columns.csv" --key name)"
expect_match "are named" 'columns.csv:1: column `colour`, `taste` is no field' "$(cat "$WORK/err")"
cat >"$WORK/wrong.toml" <<'TOML'
key = "name"
[fields]
name = "name"
nickname = "name"
"billingAddress.planet" = "colour"
parent = { column = "mother", ref = "account", by = "name" }
TOML
expect "a map with unknown fields" 3 "$(run accounts "$WORK/columns.csv" --map "$WORK/wrong.toml")"
for line in 'wrong.toml:4:12: nickname: accounts has no such field' \
  'wrong.toml:5:27: billingAddress.planet: the field has no such member' \
  'wrong.toml:6:10: parent: there is no account by name' \
  'wrong.toml:6:10: parent: the file has no column `mother`'; do
  expect_match "names $line" "$line" "$(cat "$WORK/err")"
done
printf 'key = "name"\n[fields]\nname = "name"\nsize = "weight"\nindustry = { template = "{trade} {craft}" }\n' >"$WORK/wrong.toml"
ctl import accounts "$WORK/columns.csv" --map "$WORK/wrong.toml" >/dev/null 2>"$WORK/err"
expect "a map with unknown columns" 2 $?
expect "names each" 3 "$(grep -c '^error: usage: .*wrong.toml:[45]:[0-9]*: .*no column' "$WORK/err")"
expect "nothing was written" "$SEQ" "$(ctl -o json status | sed 's/.*"sequence":\([0-9]*\).*/\1/')"
printf 'name\n' >"$WORK/header.csv"
expect "a header alone" 0 "$(run accounts "$WORK/header.csv" --key name)"
expect "of a collection that is not there" 4 "$(run nothing "$WORK/header.csv" --key name)"

# Progress: asked for, where stderr is no terminal.
ctl import accounts "$WORK/header.csv" --key name --progress >/dev/null 2>"$WORK/err"
expect_match "progress" '^import: 0 rows, 0 a second, 100 %$' "$(cat "$WORK/err")"
ctl -o json import accounts "$WORK/utf16.csv" --key name --progress >/dev/null 2>"$WORK/err"
expect_match "progress as JSON" '^\{"progress":\{"rows":1,"rows_per_second":[0-9]+,"percent":100\}\}$' "$(cat "$WORK/err")"

# CSV out: a formula is no formula, and comes in again as it was.
ctl record put accounts name==1+1 industry="'=1" size='-5' creditLimit.minor=-5 creditLimit.currency=EUR legalName="'plain" description=$'\tx' \
  website=@me phones:='["+49 1","=2"]' billingAddress.city=+Berlin externalIds.erp=-7 >/dev/null
ctl export accounts >"$WORK/before"
ctl export accounts --format csv >"$WORK/accounts.csv"
for cell in "'=1\+1" "''=1" "'-5" ",-5," ",'plain," "'@me" "'\+Berlin"; do
  expect_match "the cell $cell" "$cell" "$(cat "$WORK/accounts.csv")"
done
expect_match "no guard where none is wanted" ',=1\+1,' "$(ctl export accounts --format csv --no-formula-guard)"
expect_match "NDJSON has none" '"name":"=1\+1"' "$(cat "$WORK/before")"
expect_match "a header" '^id,.*billingAddress.city' "$(head -1 "$WORK/accounts.csv")"
expect "its own export changes nothing" 0 "$(run accounts "$WORK/accounts.csv")"
expect_match "not one record" '"created":0,"updated":0,' "$(cat "$WORK/report")"
stop_server
rm -rf "$DATA"
make_server
start_server
expect "and is all there is to another server" 0 "$(run accounts "$WORK/accounts.csv")"
ctl export accounts | cmp - "$WORK/before"
expect "byte for byte" 0 $?

# Rows of one file that depend on each other: what is made ready ahead of the writer, and 64 at once,
# must come to the same as row by row.
cat >"$WORK/tree.toml" <<'TOML'
key = "externalIds.tree"
[fields]
"externalIds.tree" = "no"
name = "name"
parent = { column = "under", ref = "accounts", by = "externalIds.tree" }
owner = "owner"
TOML
{
  echo 'no,name,under,owner'
  for n in $(seq 1 70); do echo "t$n,Tree $n,,"; done
  echo 't3,Three again,,'  # Written twice.
  echo 't71,Leaf,t70,'     # Refers to a row before it.
  echo 't72,Early,t74,'    # And to one after it.
  echo 't73,Nobodys,,noone'    # No such user.
  echo 't74,Late,,'
} >"$WORK/tree.csv"
ctl import accounts "$WORK/tree.csv" --map "$WORK/tree.toml" >"$WORK/report" 2>"$WORK/err"
expect "rows that depend on each other" 1 $?
expect_match "one that refers to a later row" "tree.csv:74: parent: " "$(cat "$WORK/report")"
expect_match "one of a user who is not" "tree.csv:75: owner: " "$(cat "$WORK/report")"
expect "two are left out, and no other" 2 "$(grep -c 'tree.csv:' "$WORK/report")"
ctl export accounts | grep '"tree":"t' >"$WORK/trees"
expect "the others are there" 72 "$(wc -l <"$WORK/trees")"
expect "a row written twice says what it said last" 1 "$(grep -c '"Three again"' "$WORK/trees")"
T70=$(sed -n 's/.*"tree":"t70".*"id":"\([^"]*\)".*/\1/p' "$WORK/trees")
expect_match "a row refers to one before it" "\"parent\":\"$T70\"" "$(grep '"Leaf"' "$WORK/trees")"
ctl -o json import accounts "$WORK/tree.csv" --map "$WORK/tree.toml" >"$WORK/report" 2>/dev/null
expect_match "again: the late one is known now" '"created":1,"updated":2,"unchanged":71' "$(cat "$WORK/report")"

# Two rows that would be each other's parents: the one that closes the loop is left out.
UP=01900000-0000-7000-8000-0000000000a1 DOWN=01900000-0000-7000-8000-0000000000a2
printf 'id,name,parent\n%s,Up,%s\n%s,Down,%s\n' $UP $DOWN $DOWN $UP >"$WORK/loop.csv"
ctl import accounts "$WORK/loop.csv" >"$WORK/report" 2>/dev/null
expect "a loop of parents" 1 $?
expect "one row is left out" 1 "$(grep -c 'loop.csv:3' "$WORK/report")"
expect_match "and the other stands" "\"parent\":\"$DOWN\".*\"id\":\"$UP\"" "$(ctl export accounts | grep '"Up"')"
stop_server
finish
