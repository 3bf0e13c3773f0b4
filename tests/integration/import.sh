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
expect_match "names its line" 'open.csv:2: ' "$(cat "$WORK/err")"
expect "a column that is not there" 2 "$(run accounts "$WORK/open.csv" --map "$WORK/customers.toml")"
printf '[fields]\nname = 3\n' >"$WORK/bad.toml"
expect "a map that is none" 3 "$(run accounts "$WORK/customers.csv" --map "$WORK/bad.toml")"
expect_match "names its place" 'bad.toml:2:[0-9]+: name: ' "$(cat "$WORK/err")"
expect "an unknown collection" 4 "$(run nothing "$WORK/customers.csv" --key name)"

printf 'name,size\nGood one,1\nMeier\xff,2\nGood two,3\n' >"$WORK/latin.csv"
expect "a row that is not UTF-8" 1 "$(run accounts "$WORK/latin.csv" --key name)"
expect_match "names its place" '"line":3,"field":"name","reason":"is not UTF-8' "$(cat "$WORK/report")"
expect_match "the others are taken" '"created":2' "$(cat "$WORK/report")"
printf 'name,name\na,b\n' >"$WORK/twice.csv"
expect "a column named twice" 1 "$(run accounts "$WORK/twice.csv" --key name)"
expect_match "is named" 'column name stands twice' "$(cat "$WORK/err")"

# CSV out: a formula is no formula.
ctl record put accounts name==1+1 >/dev/null
expect_match "formulas are defused" "'=1\+1" "$(ctl export accounts --format csv)"
expect_match "a header" '^id,.*billingAddress.city' "$(ctl export accounts --format csv | head -1)"
stop_server
finish
