#!/usr/bin/env python3
"""Northwind, from its CSV files to three people who edit offline.

    northwind.py [--folder FOLDER]

Imports customers, employees, products, orders and order lines; imports them again and proves that
nothing changes; imports dirty rows and proves that each is reported. Then two reps and their
manager change the same accounts, contacts, orders and lines offline, sync in one order, and on a
second server in the other: every copy must say what expected.ndjson says.

The data lies in SATCHEL_SHARED/data/northwind, else in ../shared/data/northwind beside the
repository; where there is none, this ends with 77 (skipped).
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import handover  # noqa: E402
import names  # noqa: E402
import prepare  # noqa: E402
import slices  # noqa: E402
import world  # noqa: E402

SKIPPED = 77
PEOPLE = ("nancy", "margaret", "andrew")  # Two reps and their manager.
OTHERS = ("janet", "steven", "michael", "robert", "laura", "anne")

# (collection, where from, file, mapping), in the order in which they refer to each other.
IMPORTS = [
    ("territories", "data", "territories.csv", "territories.toml"),
    ("users", "derived", "users.csv", "users.toml"),
    ("products", "data", "products.csv", "products.toml"),
    ("accounts", "data", "customers.csv", "accounts.toml"),
    ("accounts", "derived", "owners.csv", "owners.toml"),
    ("contacts", "derived", "contacts.csv", "contacts.toml"),
    ("contactPoints", "derived", "contactPoints.csv", "contactPoints.toml"),
    ("orders", "data", "orders.csv", "orders.toml"),
    ("orderLines", "data", "order_details.csv", "orderLines.toml"),
]


def find_data():
    root = HERE.parent.parent
    shared = pathlib.Path(os.environ.get("SATCHEL_SHARED", root.parent / "shared"))
    data = shared / "data" / "northwind"
    return data if (data / "customers.csv").exists() else None


def check(holds, what):
    if not holds:
        raise world.Failed(what)
    print(f"   ok: {what}", flush=True)


# ---- Import -------------------------------------------------------------------------------------


def import_file(server, collection, path, mapping):
    """The report; rows that cannot be used do not end the import."""
    output = server.ctl("-o", "json", "import", collection, path, "--map", mapping, expect=None)
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        raise world.Failed(f"import of {path} gave no report: {output}") from None


def import_all(server, places):
    """Totals over all files. A complaint about a derived row names the row that it came from."""
    totals = {"created": 0, "updated": 0, "unchanged": 0, "unusable": 0}
    for collection, place, file, mapping in IMPORTS:
        path = places[place] / file
        report = import_file(server, collection, path, HERE / "maps" / mapping)
        for name in ("created", "updated", "unchanged"):
            totals[name] += report[name]
        totals["unusable"] += len(report["unusable"])
        print(f"   {file:<20} {report['created']:>5} made {report['updated']:>5} changed "
              f"{report['unchanged']:>5} unchanged {len(report['unusable']):>3} unusable",
              flush=True)
        sources = source_lines(path) if place == "derived" else {}
        for row in report["unusable"]:
            where = sources.get(row["line"], f"{file}:{row['line']}")
            print(f"      {where}: {row['field'] or 'row'}: {row['reason']}")
    return totals


def source_lines(path):
    return {line: row["Source"] for line, row in prepare.read(path)}


def check_dirty_rows(server):
    file = HERE / "dirty" / "order_details.csv"
    before = server.dump()
    report = import_file(server, "orderLines", file, HERE / "maps" / "orderLines.toml")
    found = [f"{row['line']} {row['field'] or 'row'} {row['reason']}" for row in report["unusable"]]
    wanted = (HERE / "dirty" / "expected.txt").read_text(encoding="utf-8").splitlines()
    for line in found:
        print(f"      {file.name}:{line}")
    check(len(found) == len(wanted) and all(map(str.startswith, found, wanted)),
          "each unusable row is reported with line, field and reason")
    check(report["created"] + report["updated"] == 0 and server.dump() == before,
          "unusable rows leave nothing behind")


# ---- Three people offline -----------------------------------------------------------------------


def edit_offline(homes, ids, made):
    """The same edits in every run, in this order of time."""
    nancy, margaret, andrew = homes
    account, contact = ids["@accounts/ALFKI"], ids["@contacts/ALFKI"]
    order, line = ids["@orders/11011"], ids["@orderLines/11011-58"]

    nancy.run("put", "accounts", account, "website=https://alfreds.example")
    nancy.run("set-add", "accounts", account, "phones=030-0099001")
    nancy.run("add", "accounts", account, "visitCount=1")
    nancy.run("put", "accounts", account, "lastVisitAt:=1700000000000000")
    nancy.run("put", "contacts", contact, "jobTitle=Head of Sales")
    nancy.run("put", "orders", order, "note=Deliver to gate B")
    nancy.run("put", "orderLines", line, "quantity=45")
    new_order = nancy.put("orders", f"account={account}", "currency=USD", "poNumber=NEW-1")
    made[new_order] = "new"
    made[nancy.put("orderLines", f"order={new_order}", f"product={ids['@products/58']}",
                   "quantity=6")] = "new-58"

    margaret.run("put", "accounts", account, "website=https://futterkiste.example")
    margaret.run("set-remove", "accounts", account, "phones=030-0074321")
    margaret.run("add", "accounts", account, "visitCount=2")
    margaret.run("put", "accounts", account, "lastVisitAt:=1690000000000000")
    margaret.run("put", "accounts", account, "status=dormant")
    margaret.run("put", "orders", order, "poNumber=PO-7")
    margaret.run("put", "orderLines", line, "quantity=50")

    andrew.run("put", "accounts", account, "name=Alfreds Futterkiste GmbH")
    andrew.run("delete", "contacts", contact)
    andrew.run("put", "orders", ids["@orders/10952"], "status=cancelled")
    for home, count in zip(homes, (9, 7, 3)):
        check(home.json("status")["pending"] == count, f"{count} commits are pending")


def check_explanations(home, ids):
    """What merged is said in one sentence each, and what waits for a person is named."""
    for collection, key, field, rule in [
            ("accounts", "ALFKI", "website", "lww"), ("accounts", "ALFKI", "visitCount", "counter"),
            ("orderLines", "11011-58", "quantity", "multi")]:
        why = home.json("explain", collection, ids[f"@{collection}/{key}"], field)
        print(f"      {collection}/{key} {field} = {why['shown']}: {why['sentence']}")
        check(why["rule"] == rule and len(why["sentence"]) > 20, f"{field} is explained")
    website = home.json("explain", "accounts", ids["@accounts/ALFKI"], "website")
    check(len(website["losers"]) == 1, "the website that lost is still there")
    conflicts = [json.loads(row) for row in home.run("-o", "json", "conflicts").splitlines()]
    line = ids["@orderLines/11011-58"]
    check([row["id"] for row in conflicts] == [line],
          "the order line with two quantities waits for a person, and nothing else does")


def check_scenario(folder, places, syncs, first):
    with world.World(world.find_bin(), folder) as northwind:
        server = northwind.server
        print(f"== {server.url}: import")
        import_all(server, places)
        if first:
            before = server.dump()
            print("== again")
            again = import_all(server, places)
            check(again["created"] == 0 and again["updated"] == 0, "a second run writes nothing")
            check(server.dump() == before, "the dump is the same, byte for byte")
            print("== dirty rows")
            check_dirty_rows(server)
        made = {}
        ids = {name: id for id, name in names.names_of(server.dump(), made).items()}
        held = slices.Slices(places["data"])
        # The one account that two reps share.
        server.ctl("record", "put", "accounts", ids["@accounts/ALFKI"], 'team:=["margaret"]')
        held.teams["ALFKI"] = {"margaret"}
        everybody = {name: northwind.enrol(name) for name in PEOPLE + OTHERS}
        for home in everybody.values():
            home.run("sync")
        print("== nine employees, fifty-three territories: each holds his own slice only")
        check_slices(everybody, held, made)
        homes = [everybody[name] for name in PEOPLE]
        print(f"== offline, then sync: {', '.join(PEOPLE[at] for at in syncs)}")
        edit_offline(homes, ids, made)
        for at in syncs + syncs:  # Who synced first fetches what the others brought.
            homes[at].run("sync")
        expected = (HERE / "expected.ndjson").read_text(encoding="utf-8").splitlines()
        for who, dump in [("the server", server.dump())] + list(zip(PEOPLE, map(
                world.Home.dump, homes))):
            compare(who, names.named_lines(dump, made), expected)
        held.names["ALFKI"] |= {"@orders/new", "@orderLines/new-58"}
        check_explanations(homes[2], ids)
        print("== two accounts change hands, with unsent work of who had them")
        order = homes[:2] if first else homes[1::-1]
        made |= handover.check_handover(check, northwind, homes[:2], order, held, ids)
        for home in everybody.values():
            home.run("sync")
        check_slices(everybody, held, made)
        for who, home in everybody.items():
            check(home.dump() == server.dump("--user", who),
                  f"{who} holds what the server says he may, byte for byte")


def check_slices(everybody, held, made):
    """Against the CSV files: which records, by name."""
    for who, home in everybody.items():
        found, wanted = set(names.named_lines(home.dump(), made)), held.held_by(who)
        if found != wanted:
            raise world.Failed(f"{who}: missing {sorted(wanted - found)[:5]}, "
                               f"too much {sorted(found - wanted)[:5]}")
        print(f"   {who:<9} {len(found):>5} records", flush=True)
    reps = [who for who in everybody if who not in held.managers]
    check(all(len(held.held_by(who)) < len(held.held_by("andrew")) for who in reps),
          "each holds his slice, and no rep holds everything")


def compare(who, lines, expected):
    for line in expected:
        name = json.loads(line)["id"]
        if lines.get(name) != line:
            raise world.Failed(f"{who}: {name}\n  expected {line}\n  found    {lines.get(name)}")
    check(True, f"{who}: {len(expected)} touched records are as written down")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder")
    options = parser.parse_args()
    data = find_data()
    if data is None:
        print("SKIPPED: no data/northwind in SATCHEL_SHARED nor in ../shared")
        return SKIPPED
    folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="satchel-northwind-"))
    try:
        prepare.prepare(data, folder / "derived")
        places = {"data": data, "derived": folder / "derived"}
        check_scenario(folder / "one", places, [0, 1, 2], True)
        check_scenario(folder / "two", places, [2, 1, 0], False)
        return 0
    except world.Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
