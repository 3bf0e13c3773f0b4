"""kill -9 of a server, 200 times while somebody waited for its word: nothing is lost or twice.

In each cycle a device has counted something, and an admin writes a record. The server is killed by
its number at a call of its commit: before or after the k-th write or sync, where its disk holds it,
or a moment after it passed there. A cycle counts if at that moment the device or the admin was
still waiting for the answer.
"""

import sys
import time

import rig as rigs

CYCLES = 2000 if rigs.LONG else 200
DEEPEST = {"write": 14, "sync": 5}  # How many of these the commits of a cycle make, about.


class Cycles:
    def __init__(self):
        self.rig = rigs.Rig()
        self.server, self.device = rigs.pair(self.rig)
        self.shop = self.device.must("put", "accounts", "name=Shop")
        self.device.must("sync")
        self.server.stop()
        self.armed, self.held = self.rig.path("armed"), self.rig.path("held")
        self.counted = 0  # By the device: each is to be there once, in the end.
        self.known = 0  # Of those, what the server had when it was last asked.
        self.names = {}  # Of the office's records that were acknowledged.
        self.perhaps = set()  # Of those that were not.

    def check_store(self, what):
        """Of the server that was killed: whole, and holding what was acknowledged."""
        fsck = self.server.ctl("fsck")
        self.rig.expect(fsck.status == 0, f"{what}: the store is whole: {fsck}")
        rows = rigs.rows_of(self.server.dump())
        count = rows[self.shop].get("visitCount", 0)
        self.rig.expect(count in (self.known, self.counted),
                        f"{what}: counted {count}, wanted {self.known} or {self.counted}")
        self.known = count
        for name, row in self.names.items():
            self.rig.expect(rows.get(row, {}).get("name") == name, f"{what}: {name} is lost")
        others = [row["name"] for id_, row in rows.items() if id_ != self.shop]
        self.rig.expect(len(set(others)) == len(others), f"{what}: a record twice")
        unknown = set(others) - set(self.names) - self.perhaps
        self.rig.expect(not unknown, f"{what}: nobody wrote {unknown}")

    def kill_once(self, number):
        """True if somebody was waiting."""
        fault = rigs.killing_fault(self.rig.random, DEEPEST)
        self.server.must_start(self.rig.disk(self.server.data, fault=fault, armed=self.armed,
                                             held=self.held))
        step = 1 + number % 3
        self.device.must("add", "accounts", self.shop, f"visitCount={step}")
        self.counted += step
        name = f"Office {number}"
        open(self.armed, "w", encoding="utf-8").close()
        clients = [rigs.start_command(self.device.command("sync", "--retries", "0"))]
        if number % 2:
            clients.append(rigs.start_command(
                self.server.command("-o", "json", "record", "put", "accounts", "name=" + name,
                                    "territory=north")))
        reached = rigs.wait_for_file(self.held, clients)
        if "hold" in fault or number % 4 == 0:
            time.sleep(self.rig.random.uniform(0, 0.004))
        waiting = sum(client.poll() is None for client in clients)
        self.server.kill()
        ends = [rigs.result_of(client) for client in clients]
        for path in (self.armed, self.held):
            rigs.remove(path)
        for end in ends:
            self.rig.orderly(end, f"cycle {number}: {fault}")
        if ends[0].status == 0:
            self.known = self.counted
        if number % 2 and ends[1].status == 0:
            self.names[name] = ends[1].json()["id"]
        elif number % 2:
            self.perhaps.add(name)
        self.check_store(f"cycle {number}: {fault}")
        return reached and waiting > 0

    def finish(self):
        self.server.must_start()
        self.device.must("sync")
        self.device.must("sync")
        rows = rigs.rows_of(self.server.dump())
        self.rig.expect(rows[self.shop]["visitCount"] == self.counted,
                        f"counted {rows[self.shop]}, wanted {self.counted}")
        mine = self.server.dump("--user", "ann")
        self.rig.expect(self.device.dump() == mine, "the device holds what it should")
        self.rig.expect(self.device.json("status")["pending"] == 0, "nothing waits")
        self.rig.expect(self.device.run("verify").status == 0, "the device is whole")
        self.server.stop()
        self.check_store("at the end")


def main():
    cycles = Cycles()
    counted = tried = 0
    while counted < CYCLES and tried < 3 * CYCLES:
        tried += 1
        counted += cycles.kill_once(tried)
    cycles.finish()
    cycles.rig.expect(counted == CYCLES, f"only {counted} cycles counted")
    print(f"{tried} kills, {counted} of them while an acknowledgement was outstanding; "
          f"{len(cycles.names)} records and a count of {cycles.counted} acknowledged")
    cycles.rig.end()


if __name__ == "__main__":
    sys.exit(main())
