#!/usr/bin/env python3
"""The demo behind scripts/run: a server with a made-up CRM, and three people who work offline.

    demo.py --bin FOLDER --folder .demo [--once]

Everything lies in one folder that can be deleted. --once ends the server when all is shown.
"""

import argparse
import json
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import crm  # noqa: E402
import world  # noqa: E402

PEOPLE = [("ann", "rep", ["harbour"]), ("bob", "rep", ["hills"]), ("mia", "manager", [])]


def say(text=""):
    print(text, flush=True)


def headline(text):
    say(f"\n== {text}")


def load(demo, folder):
    """The made-up CRM, through the same import that real data takes."""
    for collection, key, rows in crm.collections():
        path = folder / "data" / f"{collection}.ndjson"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        report = json.loads(demo.server.ctl("-o", "json", "import", collection, path, "--key", key))
        say(f"   {collection:<14} {report['created']:>5} records")


def find(home, collection, expression):
    rows = home.run("-o", "json", "query", collection, expression).splitlines()
    return json.loads(rows[0])["id"]


def work_offline(ann, bob):
    """Both change the same account and the same order line; neither knows of the other."""
    account = find(ann, "accounts", 'name = "Harbour Foods"')
    contact = find(ann, "contacts", 'jobTitle = "Head of Purchasing"')
    line = find(ann, "orderLines", "quantity = 24")
    edits = [
        ("ann", ann, ["put", "accounts", account, "website=https://harbour-foods.example"]),
        ("ann", ann, ["set-add", "accounts", account, "phones=+44 20 7946 0001"]),
        ("ann", ann, ["add", "accounts", account, "visitCount=1"]),
        ("ann", ann, ["put", "contacts", contact, "jobTitle=Chief Buyer"]),
        ("ann", ann, ["put", "orderLines", line, "quantity=36"]),
        ("bob", bob, ["put", "accounts", account, "website=https://harbourfoods.example/shop"]),
        ("bob", bob, ["set-add", "accounts", account, "phones=+44 20 7946 0002"]),
        ("bob", bob, ["add", "accounts", account, "visitCount=2"]),
        ("bob", bob, ["delete", "contacts", contact]),
        ("bob", bob, ["put", "orderLines", line, "quantity=30"]),
    ]
    for who, home, words in edits:
        home.run(*words)
        shown = " ".join(word if word not in (account, contact, line) else "…" for word in words)
        say(f"   {who}  {shown}")
    return account, contact, line


def explain(home, collection, record, *fields):
    for field in fields:
        why = json.loads(home.run("-o", "json", "explain", collection, record, field))
        say(f"   {collection}.{field} = {json.dumps(why['shown'])}")
        say(f"      {why['sentence']}")


def show(demo, homes):
    ann, bob, mia = homes
    headline("Ann and Bob are on the road, without a network")
    account, contact, line = work_offline(ann, bob)
    say(f"   ann has {ann.json('status')['pending']} commits pending, "
        f"bob {bob.json('status')['pending']}")

    headline("They sync: ann, then bob, then ann and mia fetch the rest")
    for name, home in [("ann", ann), ("bob", bob), ("ann", ann), ("mia", mia)]:
        begun = time.monotonic()
        home.run("sync")
        say(f"   {name:<4} {1000 * (time.monotonic() - begun):4.0f} ms")

    headline("What merged, and why (on mia's device)")
    explain(mia, "accounts", account, "website", "phones", "visitCount")
    explain(mia, "contacts", contact, "jobTitle")
    explain(mia, "orderLines", line, "quantity")
    conflicts = mia.run("-o", "json", "conflicts").splitlines()
    say(f"   waiting for a person: {len(conflicts)}")
    for row in conflicts:
        row = json.loads(row)
        say(f"      {row['collection']}/{row['id']} {row.get('field', '')}")

    hand_over(demo, ann, bob)
    headline("Each copy, in canonical form")
    right = True
    for (name, _, _), home in zip(PEOPLE, homes):
        home.run("sync")
        held, allowed = home.dump(), demo.server.dump("--user", name)
        right = right and held == allowed
        say(f"   {name:<4} {len(held.splitlines()):4} records: byte for byte what {name} may hold"
            if held == allowed else f"   {name:<4} NOT WHAT {name} MAY HOLD")
    return right


def hand_over(demo, ann, bob):
    """An account and all that hangs on it, from one rep to the other, with unsent work on it."""
    headline("The office hands an account of bob's to ann; bob, on the road, does not know yet")
    account = find(bob, "accounts", 'owner = "bob" and territory = "hills"')
    bob.run("put", "accounts", account, "website=https://late-edit.example")
    demo.server.ctl("record", "put", "accounts", account, "owner=ann", "territory=harbour")
    counts = lambda home: len(home.dump().splitlines())
    before = [counts(home) for home in (ann, bob)]
    for home in (bob, ann):
        home.run("sync")
    for name, home, was in zip(("ann", "bob"), (ann, bob), before):
        say(f"   {name}: {was} records before, {counts(home)} after")
    kept = ann.json("get", "accounts", account)["fields"]["website"]
    say(f"   what bob had written without a network arrived with ann: {kept}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--folder", default=".demo")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the server is ended too.
    folder = pathlib.Path(options.folder)
    if folder.exists():
        shutil.rmtree(folder)
    try:
        with world.World(options.bin, folder) as demo:
            headline(f"Server: {demo.server.url}")
            for name, role, territories in PEOPLE:
                for territory in territories:
                    demo.server.ctl("territory", "create", territory)
                words = [word for each in territories for word in ("--territory", each)]
                demo.server.ctl("user", "create", name, "--role", role, *words)
            load(demo, folder)
            homes = [demo.enrol(name) for name, _, _ in PEOPLE]
            for home in homes:
                home.run("sync")
            for (name, role, _), home in zip(PEOPLE, homes):
                held = len(home.dump().splitlines())
                say(f"   {name}, {role}: enrolled, {held} records on the device")
            same = show(demo, homes)
            if not options.once:
                linger(demo, folder)
            return 0 if same else 1
    except world.Failed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1


def linger(demo, folder):
    headline("The server stays up until Ctrl-C")
    say(f"   sync at {demo.server.url}; everything lies in {folder}")
    say(f"   try:  {demo.server.bin}/satchel --home {folder}/ann query accounts --limit 3")
    say(f"         {demo.server.bin}/satchel --home {folder}/bob sync --watch")
    say(f"         {demo.server.bin}/satchelctl --data {folder}/server device list")
    try:
        demo.server.process.wait()
    except KeyboardInterrupt:
        say()


if __name__ == "__main__":
    sys.exit(main())
