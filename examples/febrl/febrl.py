#!/usr/bin/env python3
"""Febrl's persons as contacts: one mapping, no code.

    febrl.py [--folder FOLDER]

Imports dataset 3 as contacts and as their addresses, counts them, compares some with what a person
wrote down from the file, imports both again and proves that nothing changes.

The data lies in SATCHEL_SHARED/data/febrl, else in ../shared/data/febrl beside the repository;
where there is none, this ends with 77 (skipped).
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import world  # noqa: E402

SKIPPED = 77
PERSONS = 5000
NAMED = 4994  # The other six have neither a given nor a family name.
BORN = 4845


def find_data():
    root = HERE.parent.parent
    shared = pathlib.Path(os.environ.get("SATCHEL_SHARED", root.parent / "shared"))
    data = shared / "data" / "febrl" / "dataset3.csv"
    return data if data.exists() else None


def check(holds, what):
    if not holds:
        raise world.Failed(what)
    print(f"   ok: {what}", flush=True)


def import_file(server, collection, data):
    return json.loads(server.ctl("-o", "json", "import", collection, data, "--map",
                                 HERE / f"{collection}.toml"))


def counts(report):
    return report["created"], report["updated"], report["unchanged"], len(report["unusable"])


def records(server, collection):
    """By rec_id, whatever the key's ending."""
    found = {}
    for line in server.ctl("export", collection).splitlines():
        record = json.loads(line)
        name = record["fields"]["externalIds"]["febrl"].removesuffix("-address")
        found[name] = record
    return found


def check_persons(server):
    contacts = records(server, "contacts")
    addresses = records(server, "contactPoints")
    check(len(contacts) == PERSONS, "each of the 5,000 is a contact, known by its rec_id")
    check(sum("name" in each["fields"] for each in contacts.values()) == NAMED
          and sum("birthday" in each["fields"] for each in contacts.values()) == BORN,
          "4,994 have a name and 4,845 a birthday, as in the file")
    check(all(addresses[name]["fields"]["contact"] == each["id"]
              for name, each in contacts.items()),
          "each has an address, which names its contact")
    for line in (HERE / "expected.ndjson").read_text(encoding="utf-8").splitlines():
        wanted = json.loads(line)
        name = wanted["rec_id"]
        fields = contacts[name]["fields"]
        got = {"rec_id": name, "address": addresses[name]["fields"]["value"]}
        got.update({field: fields[field] for field in ("name", "birthday") if field in fields})
        check(got == wanted, f"{name} is as written down by hand")


def run(folder, data, bin_folder):
    server = world.Server(bin_folder, folder / "server")
    try:
        server.start()
        print(f"== {server.url}: import", flush=True)
        check(counts(import_file(server, "contacts", data)) == (PERSONS, 0, 0, 0),
              "5,000 contacts made, none unusable")
        check(counts(import_file(server, "contactPoints", data)) == (PERSONS, 0, 0, 0),
              "5,000 addresses made, none unusable")
        check_persons(server)
        print("== the same again", flush=True)
        before = server.dump("--clocks")
        for collection in ("contacts", "contactPoints"):
            check(counts(import_file(server, collection, data)) == (0, 0, PERSONS, 0),
                  f"{collection}: nothing to do")
        check(server.dump("--clocks") == before, "not one byte of the dump has changed")
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="keeps what is made here")
    parser.add_argument("--bin", default=os.environ.get("SATCHEL_BIN",
                                                        HERE.parent.parent / "build/dev/bin"))
    options = parser.parse_args()
    data = find_data()
    if data is None:
        print("SKIPPED: Febrl's data is not on this machine (SATCHEL_SHARED/data/febrl)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            run(folder, data, pathlib.Path(options.bin))
        except world.Failed as failed:
            print(f"FAILED: {failed}", file=sys.stderr)
            return 1
    print("all is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
