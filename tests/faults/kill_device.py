"""kill -9 of a device, 200 times in the middle of something; nothing is lost or counted twice.

A third of the cycles kill a write before the call has returned, a third a batch of commits, and a
third an exchange: what the device had written may be at the server, but the device does not have
its word. The device is killed by its number at a call of its own, before or after the k-th write or
sync, where its disk holds it, or a moment after it passed there. A cycle counts if the write had
not returned, or if the server has taken what the device, started again, still waits to hear of.
"""

import json
import sys
import time

import rig as rigs

CYCLES = 2000 if rigs.LONG else 200
DEEPEST = {"write": 12, "sync": 5}  # How many of these a verb makes, about.
LINES = 4  # Of a batch, each a commit.


class Cycles:
    def __init__(self):
        self.rig = rigs.Rig()
        self.server, self.device = rigs.pair(self.rig)
        self.shop = self.device.must("put", "accounts", "name=Shop")
        self.device.must("sync")
        self.held = self.rig.path("held")
        self.count = 0  # What the device has to show.
        self.names = {}
        self.batch = self.rig.path("batch.ndjson")

    def killed(self, fault, *words):
        """Runs a verb until it is killed. True if it was waiting, and how it ended."""
        env = self.rig.disk(self.device.home, fault=fault, held=self.held)
        process = rigs.start_command(self.device.command(*words), env)
        rigs.wait_for_file(self.held, [process])
        if "note" in fault:
            time.sleep(self.rig.random.uniform(0, 0.003))
        waiting = process.poll() is None
        process.kill()
        end = rigs.result_of(process)
        rigs.remove(self.held)
        if waiting:
            waiting = end.status == -9  # Else it had ended before the signal came.
        if not waiting:
            self.rig.orderly(end, f"{fault}: {words[0]}")
        return waiting, end

    def shown(self, what):
        """The device, started again, is whole and holds what it acknowledged. Its count."""
        verify = self.device.run("verify")
        self.rig.expect(verify.status == 0, f"{what}: the store is whole: {verify}")
        rows = rigs.rows_of(self.device.dump())
        for name, row in self.names.items():
            self.rig.expect(rows.get(row, {}).get("name") == name, f"{what}: {name} is lost")
        self.rig.expect(len(rows) == 1 + len(self.names), f"{what}: records: {len(rows)}")
        return rows[self.shop].get("visitCount", 0)

    def kill_write(self, number, fault):
        what = f"cycle {number}: {fault}: add"
        waiting, end = self.killed(fault, "add", "accounts", self.shop, "visitCount=2")
        count = self.shown(what)
        wanted = (self.count, self.count + 2) if end.status != 0 else (self.count + 2,)
        self.rig.expect(count in wanted, f"{what}: counted {count}, wanted {wanted}")
        self.count = count
        return waiting

    def kill_batch(self, number, fault):
        what = f"cycle {number}: {fault}: batch"
        line = {"op": "add", "collection": "accounts", "id": self.shop, "fields": {"visitCount": 1}}
        with open(self.batch, "w", encoding="utf-8") as file:
            file.write((json.dumps(line) + "\n") * LINES)
        waiting, end = self.killed(fault, "batch", self.batch, "--commit-every", "1")
        count = self.shown(what)
        least = self.count + (LINES if end.status == 0 else 0)
        self.rig.expect(least <= count <= self.count + LINES,
                        f"{what}: counted {count}, wanted {least} to {self.count + LINES}")
        self.count = count
        return waiting

    def kill_exchange(self, number, fault):
        what = f"cycle {number}: {fault}: sync"
        self.device.must("add", "accounts", self.shop, "visitCount=1")
        self.count += 1
        name = f"Shop {number}"
        self.names[name] = self.device.must("put", "accounts", "name=" + name)
        if number % 2:  # Something to take in as well.
            self.server.must("record", "put", "accounts", self.shop, f"website=w{number}")
        waiting, _ = self.killed(fault, "sync", "--retries", "0")
        count = self.shown(what)
        self.rig.expect(count == self.count, f"{what}: counted {count}, wanted {self.count}")
        taken = self.server_count() == self.count
        outstanding = taken and self.device.json("status")["pending"] > 0
        self.device.must("sync")
        at_server = self.server_count()
        self.rig.expect(at_server == self.count, f"{what}: the server counted {at_server}")
        return waiting and outstanding

    def server_count(self):
        row = json.loads(self.server.must("-o", "json", "record", "get", "accounts", self.shop))
        return row["fields"].get("visitCount", 0)

    def finish(self):
        self.device.must("sync")
        self.device.must("sync")
        count = self.shown("at the end")
        self.rig.expect(count == self.count, f"counted {count}, wanted {self.count}")
        self.rig.expect(self.server_count() == self.count, f"the server: not {self.count}")
        rows = rigs.rows_of(self.server.dump())
        names = {row["name"] for id_, row in rows.items() if id_ != self.shop}
        self.rig.expect(names == set(self.names) and len(rows) == 1 + len(names),
                        "the server holds the same records, once each")
        self.rig.expect(self.device.dump() == self.server.dump("--user", "ann"),
                        "the device holds what the server says it should")
        self.server.stop()
        self.rig.expect(self.server.ctl("fsck").status == 0, "the server is whole")


def main():
    cycles = Cycles()
    kinds = [cycles.kill_write, cycles.kill_batch, cycles.kill_exchange]
    counted = [0, 0, 0]
    tried = 0
    while sum(counted) < CYCLES and tried < 4 * CYCLES:
        kind = counted.index(min(counted))
        tried += 1
        fault = rigs.killing_fault(cycles.rig.random, DEEPEST)
        counted[kind] += kinds[kind](tried, fault)
    cycles.finish()
    cycles.rig.expect(sum(counted) == CYCLES, f"only {counted} cycles counted")
    print(f"{tried} kills; while an acknowledgement was outstanding: {counted[0]} of a write, "
          f"{counted[1]} of a batch, {counted[2]} of an exchange; a count of {cycles.count} and "
          f"{len(cycles.names)} records came through")
    cycles.rig.end()


if __name__ == "__main__":
    sys.exit(main())
