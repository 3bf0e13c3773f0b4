"""A device that is stopped in the middle of its bootstrap, at a server that is written to.

At full speed: the server lets go of the device within 15 s, and its data file stays within 1.5
times of what is alive in it, as nothing is held for who does not read. Woken, the device goes on
where it was.
"""

import base64
import collections
import ctypes
import json
import os
import re
import signal
import subprocess
import threading
import time

import rig as rigs

RECORDS = 15_000
OVERWRITTEN = 1_000  # The oldest: a bootstrap comes to them last.
TEXT_BYTES = 750  # Of a record, random: they pack to no less.
ROUNDS_MIN = 24  # Of overwriting: more than the store, and half as much again.
DROPPED_WITHIN_S = 15.0
FILE_RATIO_MAX = 1.5
READ_ONLY, NO_TLS, COMPACT = 0x20000, 0x200000, 1  # As in lmdb.h.
MAP = """key = "externalIds.n"
[fields]
"externalIds.n" = "n"
territory = "territory"
description = "description"
"""


def write_rows(path, numbers):
    with open(path, "w", encoding="utf-8") as file:
        file.write("n,territory,description\n")
        for number in numbers:
            text = base64.b64encode(os.urandom(TEXT_BYTES)).decode()
            file.write(f"{number},north,{text}\n")


class Office:
    """Imports the same records with other texts, again and again, as fast as it can."""

    def __init__(self, rig, server):
        self.rig, self.server = rig, server
        self.map = rig.path("map.toml")
        with open(self.map, "w", encoding="utf-8") as file:
            file.write(MAP)
        self.files = [rig.path(f"again{number}.csv") for number in range(3)]
        for path in self.files:
            write_rows(path, range(OVERWRITTEN))
        self.rounds, self.over, self.thread = 0, threading.Event(), None

    def fill(self):
        everything = self.rig.path("all.csv")
        write_rows(everything, range(RECORDS))
        self.take(everything)

    def take(self, path):
        self.server.must("import", "accounts", path, "--map", self.map)

    def overwrite(self):
        while not self.over.is_set():
            self.take(self.files[self.rounds % len(self.files)])
            self.rounds += 1

    def begin(self):
        self.rounds = 0
        self.over.clear()
        self.thread = threading.Thread(target=self.overwrite)
        self.thread.start()

    def end(self, rounds):
        """Once there have been so many."""
        rigs.wait_until(lambda: self.rounds >= rounds)
        self.over.set()
        self.thread.join()


class DataFile:
    """The server's, seen by LMDB's own library beside it."""

    def __init__(self, rig, server):
        self.rig, self.lmdb = rig, ctypes.CDLL("liblmdb.so.0")
        self.folder = os.path.join(server.data, "workspaces/main/data")
        self.environment = ctypes.c_void_p()
        self.check(self.lmdb.mdb_env_create(ctypes.byref(self.environment)))
        flags = READ_ONLY | NO_TLS
        self.check(self.lmdb.mdb_env_open(self.environment, self.folder.encode(), flags, 0))

    @staticmethod
    def check(code):
        assert code == 0, f"LMDB says {code}"

    def ratio(self):
        """Of the file to what is alive in it."""
        copy = self.rig.path("compact")
        os.makedirs(copy, exist_ok=True)
        self.check(self.lmdb.mdb_env_copy2(self.environment, copy.encode(), COMPACT))
        alive = os.path.getsize(os.path.join(copy, "data.mdb"))
        os.remove(os.path.join(copy, "data.mdb"))
        return os.path.getsize(os.path.join(self.folder, "data.mdb")) / alive

    def hold_reader(self):
        reader = ctypes.c_void_p()
        self.check(self.lmdb.mdb_txn_begin(self.environment, None, READ_ONLY, ctypes.byref(reader)))
        return reader

    def let_go(self, reader):
        self.lmdb.mdb_txn_abort(reader)


def connections(server):
    """What waits in the kernel for each peer of the server's, in bytes."""
    port, established = int(server.address().rsplit(":", 1)[1]), "01"
    waiting = []
    with open("/proc/net/tcp", encoding="ascii") as file:
        for row in list(file)[1:]:
            _, local, _, state, queues = row.split()[:5]
            if int(local.rsplit(":", 1)[1], 16) == port and state == established:
                waiting.append(int(queues.split(":")[0], 16))
    return waiting


def is_stopped(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


class Watch:
    """A device that syncs and prints a line for each record that it is given."""

    def __init__(self, rig, server, name):
        self.device = rigs.enrolled(rig, server, name)
        self.path = rig.path(name + ".lines")
        with open(self.path, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(self.device.command("-o", "json", "sync", "--watch",
                                                                "--retries", "3"),
                                            stdout=out, stderr=subprocess.DEVNULL)

    def size(self):
        return os.path.getsize(self.path)

    def given(self):
        """How often each record came whole, by its number. A change of it brings what changed."""
        with open(self.path, encoding="utf-8") as file:
            rows = [json.loads(line)["fields"] for line in file if line.endswith("\n")]
        return collections.Counter(int(row["externalIds"]["n"]) for row in rows
                                   if "externalIds" in row)

    def stop(self):
        """With a good part of the records; when that was."""
        rigs.wait_until(lambda: self.size() > RECORDS * TEXT_BYTES // 4)
        self.process.send_signal(signal.SIGSTOP)
        stopped_at = time.monotonic()
        rigs.wait_until(lambda: is_stopped(self.process))
        return stopped_at

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(rigs.PATIENCE_S)


def stopped_watch(rig, server):
    for name in ("ann", "bob", "cay"):
        watch = Watch(rig, server, name)
        stopped_at = watch.stop()
        if len(watch.given()) < RECORDS * 3 // 4:
            return watch, stopped_at
        watch.end()
    return rig.must(rigs.Done(1, "", "all were too quick"), "a device that is stopped half way")


def check_dropped(rig, server, stopped_at):
    waiting = rigs.wait_until(lambda: [each for each in connections(server) if each > 0])
    rig.expect(waiting, "there is something for the stopped device in the kernel")
    rigs.wait_until(lambda: not connections(server))
    took = time.monotonic() - stopped_at
    rig.expect(took <= DROPPED_WITHIN_S, f"the server let go of it only after {took:.1f} s")
    with open(server.log, encoding="utf-8") as log:
        told = re.search('"connection_cut".*took nothing', log.read())
    rig.expect(told, "the server's log says so")
    return took


def is_quiet(watch):
    size = watch.size()
    time.sleep(1)
    return watch.size() == size


def check_resumed(rig, server, watch):
    before = watch.given()
    watch.process.send_signal(signal.SIGCONT)
    rigs.wait_until(lambda: watch.size() >= RECORDS * TEXT_BYTES and is_quiet(watch))
    watch.end()
    given = watch.given()
    again = [number for number, count in given.items() if count > 1 and number >= OVERWRITTEN]
    rig.expect(len(given) == RECORDS, f"only {len(given)} records came")
    rig.expect(not again, f"{len(again)} records came anew, of {len(before)} before the stop")
    watch.device.must("sync")
    whole = server.dump("--user", watch.device.name)
    rig.expect(watch.device.dump() == whole, "both hold the same")
    return len(before)


def main():
    rig = rigs.Rig()
    server = rigs.Server(rig)
    server.configure("level = .*", 'level = "debug"')  # It tells of connections.
    server.must_start()
    server.must("territory", "create", "north")
    office = Office(rig, server)
    office.fill()
    data = DataFile(rig, server)
    office.begin()
    watch, stopped_at = stopped_watch(rig, server)
    took = check_dropped(rig, server, stopped_at)
    rig.expect(is_stopped(watch.process), "it was stopped all the time")
    office.end(ROUNDS_MIN)
    rounds, ratio = office.rounds, data.ratio()
    rig.expect(ratio <= FILE_RATIO_MAX, f"the file is {ratio:.2f} times what is alive in it")
    had = check_resumed(rig, server, watch)
    # The gauge can show what it is for: a reader that stays makes the same writes grow the file.
    reader = data.hold_reader()
    office.begin()
    office.end(ROUNDS_MIN)
    held = data.ratio()
    data.let_go(reader)
    rig.expect(held > FILE_RATIO_MAX, f"a reader that stays went unnoticed: {held:.2f}")
    rig.expect(server.stop() == 0 and server.ctl("fsck").status == 0, "the server is whole")
    print(f"stopped with {had} of {RECORDS} records; dropped after {took:.1f} s; after {rounds} "
          f"rounds the file was {ratio:.2f} times what is alive, beside a reader {held:.2f}")
    rig.end()


if __name__ == "__main__":
    main()
