"""Ten devices, of which one's wall clock is ten years ahead and one's ten years behind.

They edit the same records at the same time. What that comes to was written by hand below, from
docs/MERGE_RULES.md: it is what ten honest clocks would have come to. A stamp is made of trusted
time, which the server gives, and one from the future is lowered to the moment of its arrival: a
clock that lies neither wins every conflict from then on, nor loses every one.
"""

import os
import sys

import rig as rigs

NAMES = [f"rep{number}" for number in range(10)]
AHEAD, BEHIND = "rep3", "rep7"
LIES = {AHEAD: "+3652d", BEHIND: "-3652d"}
LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
             "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
             "/usr/lib/faketime/libfaketimeMT.so.1")


class Fleet:
    def __init__(self, rig, library):
        self.rig = rig
        self.server = rigs.running_server(rig)
        self.devices = {name: rigs.Device(rig, name) for name in NAMES}
        self.env = {name: {"LD_PRELOAD": library, "FAKETIME": lie, "FAKETIME_DONT_RESET": "1",
                           "FAKETIME_DONT_FAKE_MONOTONIC": "1"} for name, lie in LIES.items()}

    def must(self, name, *words):
        return self.devices[name].must(*words, env=self.env.get(name))

    def sync(self, *names):
        for name in names:
            self.must(name, "sync")


def prove_that_clocks_lie(fleet):
    """Else the rest would say nothing."""
    now = rigs.run(["date", "+%Y"]).out
    for name in LIES:
        year = rigs.run(["date", "+%Y"], fleet.env[name]).out
        lie = int(year) - int(now)
        fleet.rig.expect(abs(lie) == 10, f"{name}'s clock is {lie} years off")


def work(fleet):
    """What the fleet does. Gives the ids of the records by name."""
    for name in NAMES:
        fleet.devices[name].enroll(fleet.server, env=fleet.env.get(name))
    ids = {}
    for title in ("shop", "tags", "gone", "kept"):
        ids[title] = fleet.must("rep0", "put", "accounts", "name=" + title)
        fleet.must("rep0", "set-add", "accounts", ids[title], "tags=old")
        for name in NAMES[1:]:
            fleet.must("rep0", "set-add", "accounts", ids[title], "team=" + name)
        fleet.must("rep0", "set-add", "accounts", ids[title], "team=rep0")
    fleet.sync("rep0", *NAMES)

    # One after another, each having seen the last: the last stands, whatever its clock says.
    for website, name in (("w1", "rep1"), ("ahead", AHEAD), ("w2", "rep2")):
        fleet.must(name, "put", "accounts", ids["shop"], "website=" + website)
        fleet.sync(name, *NAMES)
    # At the same time, none having seen the others: the latest stamp wins, and a clock that is
    # ahead makes none that is later. Written in this order.
    for value, name in (("ahead", AHEAD), ("behind", BEHIND), ("rep5", "rep5")):
        fleet.must(name, "put", "accounts", ids["shop"], "industry=" + value)
    # The other way round: a clock that is behind does not lose what it wrote last.
    for value, name in (("rep5", "rep5"), ("ahead", AHEAD), ("behind", BEHIND)):
        fleet.must(name, "put", "accounts", ids["tags"], "industry=" + value)
    for number, name in enumerate(NAMES, 1):
        fleet.must(name, "add", "accounts", ids["shop"], f"visitCount={number}")
        fleet.must(name, "set-add", "accounts", ids["tags"], "tags=" + name)
    # Present beats a concurrent absent, and an edit a concurrent delete, by what was seen alone.
    fleet.must(AHEAD, "set-remove", "accounts", ids["tags"], "tags=old")
    fleet.must(BEHIND, "set-add", "accounts", ids["tags"], "tags=old")
    fleet.must(AHEAD, "delete", "accounts", ids["kept"])
    fleet.must("rep6", "put", "accounts", ids["kept"], "website=edited")
    fleet.must(BEHIND, "delete", "accounts", ids["gone"])
    return ids


def expected(ids):
    tags = ["old"] + NAMES
    return {
        ids["shop"]: {"name": "shop", "website": "w2", "industry": "rep5", "tags": ["old"],
                      "visitCount": 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10},
        ids["tags"]: {"name": "tags", "industry": "behind", "tags": sorted(tags)},
        ids["kept"]: {"name": "kept", "website": "edited", "tags": ["old"]},
    }


def compare(fleet, ids, what):
    wanted = expected(ids)
    dumps = {"the server": fleet.server.dump()}
    for name in NAMES:
        dump = fleet.must(name, "dump", "--canonical")
        dumps[name] = dump
        entitled = fleet.server.dump("--user", name)
        fleet.rig.expect(dump == entitled, f"{what}: {name} does not hold what it should")
    for name, dump in dumps.items():
        rows = {id_: {field: row[field] for field in row if field in
                      ("name", "website", "industry", "tags", "visitCount")}
                for id_, row in rigs.rows_of(dump).items()}
        fleet.rig.expect(rows == wanted, f"{what}: {name} shows {rows}, not {wanted}")


def main():
    rig = rigs.Rig()
    library = next(filter(os.path.exists, LIBRARIES), None)
    if library is None:
        rig.skip("needs faketime")
    fleet = Fleet(rig, library)
    prove_that_clocks_lie(fleet)
    ids = work(fleet)
    order = NAMES[:]
    rig.random.shuffle(order)
    fleet.sync(*order)
    fleet.sync(*order)
    compare(fleet, ids, "once all have met")

    # From here on too: the last word is the last word.
    fleet.must(AHEAD, "put", "accounts", ids["shop"], "industry=late")
    fleet.sync(AHEAD, "rep4")
    fleet.must("rep4", "put", "accounts", ids["shop"], "industry=rep5")
    fleet.sync("rep4", *order)
    compare(fleet, ids, "after another word")
    print(f"10 devices, clocks of {', '.join(LIES)} off by {', '.join(LIES.values())}")
    rig.end()


if __name__ == "__main__":
    sys.exit(main())
