"""What a loss of power leaves: of a recorded life, 1,000 disks that could have been left behind.

    power_loss.py BIN_FOLDER DISK_LIBRARY server|device

Each opens, is whole, and holds all that had been acknowledged by that point of the life: what a
call of the device returned, or what the server's client was told. What was under way is there as a
whole or not at all. The rules of what is left are those of trace.py.
"""

import json
import os
import shutil
import sys

import rig as rigs
import trace as traces

IMAGES = 10000 if rigs.LONG else 1000
EARLY_IMAGES = IMAGES // 20  # Beside these, from before there was anything to lose.
FIELDS = ("name", "website", "visitCount")


class Life:
    """What is done, step by step; after each, what somebody was told goes into the trace."""

    def __init__(self, rig, root):
        self.rig, self.root = rig, root
        self.trace = rig.path("trace")
        self.states = [{}]  # By mark: id -> fields; what has been acknowledged.
        self.twins = None  # Two records that are only ever counted in one commit.
        self.ready_mark = None  # From here on there is something to open.
        self.shown = {}
        self.server = None

    def env(self):
        return self.rig.disk(self.root, trace=self.trace)

    def told(self, id_=None, **fields):
        """Marks that the step is done. Without fields the record is gone."""
        if id_ and fields:
            self.shown[id_] = {**self.shown.get(id_, {}), **fields}
        elif id_:
            self.shown.pop(id_, None)
        self.mark()

    def mark(self):
        self.states.append({row: dict(fields) for row, fields in self.shown.items()})
        traces.mark(self.trace, len(self.states) - 1)

    def count_twins(self, batch_file):
        lines = [{"op": "add", "collection": "accounts", "id": id_, "fields": {"visitCount": 1}}
                 for id_ in self.twins]
        with open(batch_file, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))

    def twins_counted(self):
        for id_ in self.twins:
            self.shown[id_]["visitCount"] = self.shown[id_].get("visitCount", 0) + 1


def live_device(rig):
    server = rigs.running_server(rig)
    device = rigs.Device(rig, "ann")
    life = Life(rig, device.home)
    env = life.env()
    device.enroll(server, env=env)
    life.mark()
    life.ready_mark = len(life.states) - 1

    def make(name):
        id_ = device.must("put", "accounts", "name=" + name, env=env)
        life.told(id_, name=name)
        return id_

    life.twins = [make("Left"), make("Right")]
    batch, mine, offices = rig.path("batch"), [], []
    for turn in range(12):
        mine.append(make(f"Shop {turn}"))
        if turn == 0:
            device.must("sync", env=env)
        life.count_twins(batch)
        device.must("batch", batch, env=env)
        life.twins_counted()
        life.mark()
        device.must("put", "accounts", mine[0], f"website=w{turn}", env=env)
        life.told(mine[0], website=f"w{turn}")
        if turn % 4 == 3:
            device.must("delete", "accounts", mine.pop(1), env=env)
            life.shown = {id_: row for id_, row in life.shown.items()
                          if id_ in life.twins + mine + offices}
            life.mark()
        if turn % 3 == 1:  # The office writes, and the device hears of it.
            put = server.must("-o", "json", "record", "put", "accounts", f"name=Office {turn}",
                              "territory=north")
            offices.append(json.loads(put)["id"])
            server.must("record", "put", "accounts", mine[0], f"website=office{turn}")
            server.must("record", "put", "accounts", offices[-1], "team:=[\"ann\"]")
            device.must("sync", env=env)
            take_shown(life, device)
        if turn % 5 == 4:
            device.must("rekey", env=env)
            life.mark()
    life.server = server  # It gives new codes to homes whose making was cut.
    return life, device


def take_shown(life, device):
    """After an exchange: what the device shows; what it merged is not the question here."""
    rows = rigs.rows_of(device.dump())
    life.shown = {id_: projected(row) for id_, row in rows.items()}
    life.mark()


def projected(row):
    return {field: row[field] for field in FIELDS if field in row}


def live_server(rig):
    server = rigs.Server(rig, make=False)
    life = Life(rig, server.data)
    env = life.env()
    rig.must(rigs.run([rig.bin + "/satcheld", "init", "--data", server.data, "--listen",
                       "127.0.0.1:0"], env), "init")
    life.mark()
    life.ready_mark = len(life.states) - 1
    server.must_start(env)
    device = rigs.Device(rig, "ann")
    device.enroll(server)
    life.mark()

    def make(name):
        put = server.must("-o", "json", "record", "put", "accounts", "name=" + name,
                          "territory=north")
        life.told(json.loads(put)["id"], name=name)
        return json.loads(put)["id"]

    batch, mine, devices = rig.path("batch"), [], []
    life.twins = [device.must("put", "accounts", "name=" + name) for name in ("Left", "Right")]
    device.must("sync")
    life.shown.update({id_: {"name": name} for id_, name in zip(life.twins, ("Left", "Right"))})
    life.mark()
    for turn in range(12):
        mine.append(make(f"Office {turn}"))
        life.count_twins(batch)
        device.must("batch", batch)
        devices.append(device.must("put", "accounts", f"name=Shop {turn}"))
        device.must("sync")
        life.twins_counted()
        life.told(devices[-1], name=f"Shop {turn}")
        server.must("record", "put", "accounts", devices[0], f"website=w{turn}")
        life.told(devices[0], website=f"w{turn}")
        if turn % 4 == 3:
            gone = mine.pop(1)
            server.must("record", "delete", "accounts", gone)
            life.told(gone)
        if turn == 5:
            server.stop()
            server.must_start(env)
        if turn == 8:
            server.kill()
            server.must_start(env)
    server.stop()
    life.mark()
    return life, server


class Images:
    """Checks one disk after another."""

    def __init__(self, rig, life, subject):
        self.rig, self.life, self.subject = rig, life, subject
        self.target = rig.path("image")

    def commands(self):
        if isinstance(self.subject, rigs.Device):
            satchel = [self.rig.bin + "/satchel", "--home", self.target, "--install-file",
                       self.rig.path("installed-ann")]
            return [satchel + ["verify"], satchel + ["dump", "--canonical"]]
        control = [self.rig.bin + "/satchelctl", "--data", self.target]
        return [control + ["fsck"], control + ["dump", "--canonical"]]

    def check(self, entry, mark):
        what = f"entry {entry}, mark {mark}"
        whole, dump = [rigs.run(command) for command in self.commands()]
        if mark < self.life.ready_mark and (whole.status != 0 or dump.status != 0):
            self.check_cut_creation(whole, dump, what)
            return
        if not self.rig.expect(whole.status == 0, f"{what}: not whole: {whole}"):
            return
        if not self.rig.expect(dump.status == 0, f"{what}: no dump: {dump}"):
            return
        rows = {id_: projected(row) for id_, row in rigs.rows_of(dump.out).items()}
        before = self.life.states[mark]
        after = self.life.states[min(mark + 1, len(self.life.states) - 1)]
        for id_ in set(rows) | set(before):
            fine = rows.get(id_) in (before.get(id_), after.get(id_))
            self.rig.expect(fine, f"{what}: {rows.get(id_)}, not {before.get(id_)} "
                                  f"nor {after.get(id_)}")
        if self.life.twins:
            counts = {rows.get(id_, {}).get("visitCount") for id_ in self.life.twins}
            self.rig.expect(len(counts) == 1, f"{what}: half of a commit: {counts}")

    def check_cut_creation(self, whole, dump, what):
        self.rig.orderly(whole, what)
        self.rig.orderly(dump, what)
        if isinstance(self.subject, rigs.Device):
            code = self.life.server.must("device", "enroll", "--user", self.subject.name)
            again = rigs.run(self.commands()[0][:-1] + ["enroll", code])
            self.rig.expect(again.status == 0, f"{what}: cannot be enrolled: {again}")
            return
        again = rigs.run([self.rig.bin + "/satcheld", "init", "--data", self.target, "--listen",
                          "127.0.0.1:0"])
        self.rig.expect(again.status == 0, f"{what}: cannot be finished: {again}")
        fsck = rigs.run(self.commands()[0])
        self.rig.expect(fsck.status == 0, f"{what}: finished, but not whole: {fsck}")

    def points(self, entries):
        """Before which entries the power is lost; a point may come again."""
        ready = entries.index(("mark", str(self.life.ready_mark)))
        draw = self.rig.random.randint
        return sorted([draw(0, ready) for _ in range(EARLY_IMAGES)] +
                      [draw(ready + 1, len(entries)) for _ in range(IMAGES)])

    def run(self):
        entries = traces.read_trace(self.life.trace)
        points = self.points(entries)
        disk, mark = traces.Disk(self.life.root), 0
        for number in range(len(entries) + 1):
            while points and points[0] == number:
                points.pop(0)
                disk.write_after_loss(self.target, self.rig.random)
                failures = self.rig.failures
                self.check(number, mark)
                if self.rig.failures > failures and os.environ.get("SATCHEL_FAULTS_KEEP") == "1":
                    os.rename(self.target, f"{self.target}-{number}-{len(points)}")
                shutil.rmtree(self.target, ignore_errors=True)
            if number < len(entries):
                mark = int(entries[number][1]) if entries[number][0] == "mark" else mark
                disk.take(entries[number])
        print(f"{len(entries)} entries, {len(self.life.states) - 1} acknowledgements, "
              f"{IMAGES} disks, and {EARLY_IMAGES} from before there was a store")


def main():
    rig = rigs.Rig()
    life, subject = live_server(rig) if sys.argv[3] == "server" else live_device(rig)
    Images(rig, life, subject).run()
    rig.end()


if __name__ == "__main__":
    sys.exit(main())
