"""Bits that flip, pages that come back as zeros, files that are cut: 1,000 stopped stores.

    rot.py BIN_FOLDER DISK_LIBRARY server|device

Whatever is read of such a store is right, or there is an explicit error. A device's unsent work is
intact, or named as lost; nothing wrong of it ever reaches the server. Nothing wrong of a server's
ever reaches a device.
"""

import json
import os
import sys

import rig as rigs

IMAGES = 10000 if rigs.LONG else 1000
MET_EVERY = 4  # Of these images every which one also meets its intact peer.
PAGE = 4096
SECRETS = ("key", "signer", "install", "root.key", "server.keys")


class Rot:
    """Damages one file of a folder in one way."""

    def __init__(self, random):
        self.random = random

    def pick(self, folder):
        """The data, mostly; now and then the keys, or a file beside them."""
        files = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
        data = [file for file in files if file.endswith("data.mdb")]
        main = max(data, key=os.path.getsize)
        others = [file for file in files if os.path.basename(file) in SECRETS]
        draw = self.random.random()
        if draw < 0.85:
            return main
        return self.random.choice([file for file in data if file != main] if draw < 0.93
                                  else others)

    def pick_used(self, content):
        """A place in a page that is not empty: data files are kept longer than they need be."""
        used = [from_ for from_ in range(0, len(content), PAGE) if any(content[from_:from_ + PAGE])]
        from_ = self.random.choice(used)
        return self.random.randrange(from_, min(from_ + PAGE, len(content)))

    def damage(self, folder):
        """Says what it did."""
        file = self.pick(folder)
        with open(file, "rb") as whole:
            content = bytearray(whole.read())
        name, draw = os.path.relpath(file, folder), self.random.random()
        at = self.pick_used(content)
        if draw < 0.6:
            content[at] ^= 1 << self.random.randrange(8)
            what = f"{name}: a bit of octet {at}"
        elif draw < 0.8:
            from_ = at - at % PAGE
            content[from_:from_ + PAGE] = bytes(len(content[from_:from_ + PAGE]))
            what = f"{name}: zeros from {from_}"
        else:
            del content[at if draw < 0.9 else at - at % PAGE:]
            what = f"{name}: cut to {len(content)}"
        with open(file, "wb") as whole:
            whole.write(content)
        return what


class Pair:
    """A server and a device that holds unsent work, both stopped; copies of them rot."""

    def __init__(self, rig):
        self.rig = rig
        self.server, self.device = rigs.pair(rig)
        shops = [self.device.must("put", "accounts", f"name=Shop {number}", "website=w")
                 for number in range(24)]
        for shop in shops[:6]:
            self.device.must("delete", "accounts", shop)
        self.device.must("sync")
        self.base = set(self.device.dump().splitlines())
        for number, shop in enumerate(shops[6:12]):
            self.device.must("put", "accounts", shop, f"website=unsent{number}")
        self.device.must("put", "accounts", "name=Unsent")
        self.device.must("add", "accounts", shops[20], "visitCount=1")
        self.shown = set(self.device.dump().splitlines())
        self.at_server = set(self.server.dump().splitlines())
        self.server.stop()
        rigs.keep(self.server.data, self.device.home)
        rigs.put_back(self.server.data, self.device.home)
        self.server.must_start()
        self.device.must("sync")
        self.at_server_after = set(self.server.dump().splitlines())
        self.server.kill()
        self.rot = Rot(rig.random)
        self.found = self.read_whole = self.met = 0

    def read(self, done, wanted, others, what):
        """A dump: all of it, or an error, and beside it nothing but what was once right."""
        lines = set(done.out.splitlines())
        self.rig.orderly(done, what)
        if done.status == 0:
            self.rig.expect(lines == wanted, f"{what}: silently wrong: {lines ^ wanted}")
            self.read_whole += 1
            return True
        self.rig.expect(lines <= wanted | others, f"{what}: wrong: {lines - wanted - others}")
        self.found += 1
        return False


def rot(pair, side):
    """Most images are read and looked over; the others meet their peer."""
    folder, ask, look, wanted, others, meet = {
        "device": (pair.device.home, pair.device.run, "verify", pair.shown, pair.base, meet_server),
        "server": (pair.server.data, pair.server.ctl, "fsck", pair.at_server, set(), meet_device),
    }[side]
    for number in range(IMAGES):
        rigs.put_back(folder)
        what = f"image {number}, {pair.rot.damage(folder)}"
        if number % MET_EVERY == 0:  # As it is: what others find may put it right.
            meet(pair, what)
            continue
        whole = pair.read(ask("dump", "--canonical"), wanted, others, what)
        looked = ask(look)
        pair.rig.orderly(looked, f"{what}: {look}")
        if not whole:
            again = ask("dump", "--canonical")
            pair.rig.expect(looked.status != 0 or again.status == 0, f"{what}: {look}: {looked}")


def meet_server(pair, what):
    """The rotten device and the server as it was."""
    pair.met += 1
    rigs.put_back(pair.server.data)
    pair.server.must_start()
    sync = pair.device.run("-o", "json", "sync", "--retries", "0", "--timeout", "20")
    pair.rig.orderly(sync, what + ": sync")
    arrived = set(pair.server.dump().splitlines())
    known = pair.at_server | pair.at_server_after
    pair.rig.expect(arrived <= known, f"{what}: reached the server: {arrived - known}")
    if arrived != pair.at_server_after:
        named = sync.status != 0 or sync.json()["damaged_outbox"]
        pair.rig.expect(named, f"{what}: unsent work is gone without a word: {sync}")
        lost_is_named(pair, sync, arrived, what)
    heal = pair.device.run("heal")
    pair.rig.orderly(heal, what + ": heal")
    if heal.status == 0:
        verify = pair.device.run("verify")
        pair.rig.expect(verify.status == 0, f"{what}: healed, but: {verify}")
        pair.device.must("sync")
        dump = pair.device.run("dump", "--canonical")
        entitled = pair.server.dump("--user", "ann")
        pair.rig.expect(dump.out.strip() == entitled, f"{what}: healed to something else")
    arrived = set(pair.server.dump().splitlines())
    pair.rig.expect(arrived <= known, f"{what}: reached the server: {arrived - known}")
    pair.server.kill()


def lost_is_named(pair, sync, arrived, what):
    """A device that opens says which records its lost commits wrote."""
    if sync.status != 0:
        return  # It says that it cannot be read; nothing of it was sent.
    named = {row["id"] for entry in sync.json()["damaged_outbox"] for row in entry["records"]}
    missing = {json.loads(line)["id"] for line in pair.at_server_after - arrived}
    pair.rig.expect(missing <= named, f"{what}: lost {missing - named} without naming it")


def meet_device(pair, what):
    """The rotten server and the device as it was; then the device and the server as it was."""
    pair.met += 1
    rigs.put_back(pair.device.home)
    if not pair.server.start():
        status = pair.server.wait()
        pair.rig.expect(status in rigs.STATUSES and status != 0, f"{what}: ended with {status}")
        return
    sync = pair.device.run("sync", "--retries", "0", "--timeout", "20")
    pair.rig.orderly(sync, what + ": sync")
    done = pair.device.run("dump", "--canonical")
    pair.rig.orderly(done, what + ": the device's dump")
    lines, known = set(done.out.splitlines()), pair.shown | pair.base | pair.at_server_after
    pair.rig.expect(lines <= known, f"{what}: reached the device: {lines - known}")
    pair.rig.expect(pair.device.run("verify").status == 0, f"{what}: the device is not whole")
    status = pair.server.stop()
    pair.rig.expect(status in rigs.STATUSES, f"{what}: ended with {status}")


def main():
    rig = rigs.Rig()
    pair = Pair(rig)
    rot(pair, sys.argv[3])
    print(f"{IMAGES} damaged stores: {pair.read_whole} dumps were whole, {pair.found} ended with "
          f"an error; {pair.met} met their peer")
    rig.end()


if __name__ == "__main__":
    sys.exit(main())
