"""The k-th open, write, sync, truncate, mmap or rename of a process fails, once or from then on.

    failing_calls.py BIN_FOLDER DISK_LIBRARY server|device

For every verb of a device, and for the start and the work of a server, every call that it makes
below its folder fails in its turn, with EIO and with ENOSPC. It ends with a documented exit status
and one line that says why, never by a signal. After a sync that failed with EIO the store latches:
exit status 75. Started again on a disk that works, it is whole and holds all that was acknowledged;
what was not acknowledged is there as a whole or not at all.
"""

import itertools
import json
import os
import shutil
import sys

import rig as rigs

CALLS = ("open", "write", "sync", "truncate", "mmap", "rename")
ERRORS = ("EIO", "ENOSPC")
HOWS = ("once", "ever")
# Of a verb that makes many calls of a kind, these many are tried, spread over all.
PLACES_MAX = 1000 if rigs.LONG else 9


def faults_of(counts):
    """Every fault that a process that makes so many calls of each kind can meet."""
    for call, error, how in itertools.product(CALLS, ERRORS, HOWS):
        count = counts.get(call, 0)
        step = max(1, -(-count // PLACES_MAX))
        for place in range(1, count + 1, step):
            yield call, f"{call} {place} {error} {how}"


def read_counts(path):
    with open(path, encoding="utf-8") as file:
        return {name: int(count) for name, count in (line.split() for line in file)}


class DeviceFaults:
    """Each verb on a fresh copy of one home, beside one server."""

    def __init__(self, rig):
        self.rig = rig
        self.server, self.device = rigs.pair(rig)
        self.shop = self.device.must("put", "accounts", "name=Shop")
        self.device.must("sync")
        self.server.must("record", "put", "accounts", self.shop, "industry=trade")
        self.device.must("add", "accounts", self.shop, "visitCount=1")  # Unsent.
        self.server.stop()
        rigs.keep(self.device.home, self.server.data)
        self.tried = 0
        self.latched = 0

    def fresh(self, words):
        """The home as it was, and for a verb that is an exchange the server as well."""
        rigs.put_back(self.device.home)
        if words[0] not in ("sync", "heal"):
            return
        self.server.kill()
        rigs.put_back(self.server.data)
        self.server.must_start()

    def run(self, words, **settings):
        return self.device.run(*words, env=self.rig.disk(self.device.home, **settings))

    def count_calls(self, words):
        self.fresh(words)
        self.rig.must(self.run(words, counts=self.rig.path("counts")), words[0])
        return read_counts(self.rig.path("counts"))

    def check_after(self, what, before, after, done):
        """On a disk that works: whole, and the work is there, or was not acknowledged."""
        verify = self.device.run("verify")
        self.rig.expect(verify.status == 0, f"{what}: not whole: {verify}")
        rows = rigs.rows_of(self.device.dump())
        wanted = [after] if done.status == 0 else [before, after]
        fields = rows.get(self.shop, {})
        shown = {name: fields.get(name) for name in after}
        self.rig.expect(shown in wanted, f"{what}: {shown}, not of {wanted}; it said {done}")
        put = self.device.run("put", "accounts", self.shop, "website=after")
        self.rig.expect(put.status == 0, f"{what}: takes no write: {put}")
        if what.startswith("sync"):
            self.device.must("sync")
            office = rigs.rows_of(self.server.dump())[self.shop]
            self.rig.expect(office["visitCount"] == 1 and office["website"] == "after",
                            f"{what}: came to {office}")

    def verb(self, words, after):
        """`after`: what the record shows once the verb was done; before, as it was made."""
        before = {"name": "Shop", "visitCount": 1, "website": None}
        after = {**before, **after}
        for call, fault in faults_of(self.count_calls(words)):
            what = f"{words[0]}, {fault}"
            self.fresh(words)
            done = self.run(words, fault=fault)
            self.tried += 1
            self.rig.orderly(done, what)
            if call == "sync" and " EIO " in fault and words[0] in ("put", "batch", "sync"):
                self.latched += 1
                self.rig.expect(done.status == 75, f"{what}: did not latch: {done}")
            self.check_after(what, before, after, done)

    def enrolment(self):
        """A home whose making failed is made anew, or goes on as it is."""
        shutil.rmtree(self.device.home, ignore_errors=True)
        enroll = ["enroll", self.server.must("device", "enroll", "--user", "ann")]
        counts = self.rig.path("counts")
        self.rig.must(self.run(enroll, counts=counts), "enroll")
        for _, fault in faults_of(read_counts(counts)):
            what = f"enroll, {fault}"
            shutil.rmtree(self.device.home, ignore_errors=True)
            code = self.server.must("device", "enroll", "--user", "ann")
            done = self.run(["enroll", code], fault=fault)
            self.tried += 1
            self.rig.orderly(done, what)
            if done.status != 0 and self.device.run("status").status != 0:
                code = self.server.must("device", "enroll", "--user", "ann")
                again = self.device.run("enroll", code)
                self.rig.expect(again.status == 0, f"{what}: {done}; cannot be enrolled: {again}")
            verify = self.device.run("verify")
            self.rig.expect(verify.status == 0, f"{what}: not whole: {verify}")

    def all(self):
        batch = self.rig.path("batch")
        with open(batch, "w", encoding="utf-8") as file:
            for op, fields in (("add", {"visitCount": 2}), ("put", {"website": "b"})):
                file.write(json.dumps({"op": op, "collection": "accounts", "id": self.shop,
                                       "fields": fields}) + "\n")
        self.verb(["put", "accounts", self.shop, "website=put"], {"website": "put"})
        self.verb(["batch", batch], {"visitCount": 3, "website": "b"})
        self.verb(["get", "accounts", self.shop], {})
        self.verb(["sync", "--retries", "0"], {})
        self.verb(["rekey"], {})
        self.verb(["heal"], {})
        self.enrolment()


class ServerFaults:
    """A copy of one server: at its start, and at work, where each client is told."""

    def __init__(self, rig):
        self.rig = rig
        self.server, self.device = rigs.pair(rig)
        self.shop = self.device.must("put", "accounts", "name=Shop")
        self.device.must("sync")
        self.device.must("add", "accounts", self.shop, "visitCount=1")
        self.server.stop()
        self.armed = rig.path("armed")
        rigs.keep(self.server.data, self.device.home)
        self.tried = 0
        self.latched = 0

    def fresh(self):
        rigs.put_back(self.server.data, self.device.home)

    def ended(self, latched=False):
        """What the server ended with by itself, as one that latched does, or was told to."""
        by_itself = latched or self.server.process.poll() is not None
        return self.server.wait() if by_itself else self.server.stop()

    def at_start(self):
        counts = self.rig.path("counts")
        self.fresh()
        self.server.must_start(self.rig.disk(self.server.data, counts=counts))
        self.server.stop()
        for _, fault in faults_of(read_counts(counts)):
            what = f"start, {fault}"
            self.fresh()
            open(self.server.log, "w", encoding="utf-8").close()
            self.server.start(self.rig.disk(self.server.data, fault=fault))
            status = self.ended()
            self.tried += 1
            self.rig.expect(status in rigs.STATUSES, f"{what}: ended with {status}")
            self.check_after(what, told_count=False, told_name=False)

    def check_after(self, what, told_count, told_name):
        fsck = self.server.ctl("fsck")
        self.rig.expect(fsck.status == 0, f"{what}: not whole: {fsck}")
        row = rigs.rows_of(self.server.dump())[self.shop]
        counts = (1,) if told_count else (None, 1)
        self.rig.expect(row.get("visitCount") in counts, f"{what}: {row}")
        names = ("Office",) if told_name else ("Shop", "Office")
        self.rig.expect(row["name"] in names, f"{what}: {row}")
        if not self.rig.expect(self.server.start(), f"{what}: does not start again"):
            self.server.wait()
            return
        self.device.must("sync")
        put = self.server.ctl("record", "put", "accounts", self.shop, "website=after")
        self.rig.expect(put.status == 0, f"{what}: takes no write: {put}")
        row = rigs.rows_of(self.server.dump())[self.shop]
        self.rig.expect(row.get("visitCount") == 1, f"{what}: in the end {row}")
        self.server.stop()

    def work(self):
        """What the device's exchange and the admin's write end with, on an armed disk."""
        open(self.armed, "w", encoding="utf-8").close()
        sync = self.device.run("sync", "--retries", "0", "--timeout", "5")
        put = self.server.ctl("record", "put", "accounts", self.shop, "name=Office")
        os.remove(self.armed)
        return sync, put

    def at_work(self):
        counts = self.rig.path("counts")
        self.fresh()
        self.server.must_start(self.rig.disk(self.server.data, counts=counts, armed=self.armed))
        self.work()
        self.server.stop()
        for call, fault in faults_of(read_counts(counts)):
            what = f"work, {fault}"
            self.fresh()
            self.server.must_start(self.rig.disk(self.server.data, fault=fault, armed=self.armed))
            sync, put = self.work()
            self.tried += 1
            self.rig.orderly(sync, what + ": sync")
            self.rig.orderly(put, what + ": put")
            status = self.ended(latched=75 in (sync.status, put.status))
            if call == "sync" and " EIO " in fault:
                self.latched += 1
                self.rig.expect(status == 75, f"{what}: ended with {status}, not latched")
            self.rig.expect(status in (0, 75), f"{what}: ended with {status}")
            pending = self.device.json("status")["pending"]
            self.check_after(what, told_count=pending == 0, told_name=put.status == 0)

    def all(self):
        self.at_start()
        self.at_work()


def main():
    rig = rigs.Rig()
    faults = ServerFaults(rig) if sys.argv[3] == "server" else DeviceFaults(rig)
    faults.all()
    print(f"{faults.tried} faults; {faults.latched} failed syncs of which each latched")
    rig.end()


if __name__ == "__main__":
    sys.exit(main())
