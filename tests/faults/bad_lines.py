"""Lines that are late, narrow, silent or half gone: each sync ends right, by its deadlines.

Every kind has a device of its own, all at once. A slow line that moves is never given up; one that
does not is, after 10 s while connecting and 30 s afterwards, and the next connection does the work.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import rig as rigs
from fault_proxy import Fault, FaultProxy

# Name, fault, connections needed, seconds from and to. A lower bound is what the line itself takes
# or the deadline that ends it; an upper one leaves a slow machine half a minute.
KINDS = (
    ("late", Fault(delay_s=0.4), 1, 2, 45),
    ("narrow", Fault(bytes_per_s=2048), 1, 4, 75),
    ("late and narrow", Fault(delay_s=0.05, bytes_per_s=8192), 1, 2, 45),
    ("silent from the start", Fault("stall", "up", 0), 2, 9, 45),
    ("silent in the handshake", Fault("stall", "down", 700), 2, 9, 45),
    ("silent in the exchange", Fault("stall", "up", 4_000), 2, 14, 95),
    ("silent before the answer", Fault("stall", "down", 2_000), 2, 14, 95),
    ("without a server", Fault("server_gone", "up", 4_000), 2, 14, 95),
    ("without a device", Fault("device_gone", "up", 4_000), 2, 0, 45),
    ("whose answer is swallowed", Fault("swallow", "up", 5_000), 2, 0, 45),
)
NOTE_BYTES = 6_000  # In hex, which packs to half: what is pushed is longer than all around it.


def try_line(rig, server, name, fault, connections, from_s, to_s):
    device = rigs.enrolled(rig, server, name.replace(" ", "-"))
    shop = device.must("put", "accounts", "name=Shop")
    device.must("sync")
    device.must("add", "accounts", shop, "visitCount=1")
    note = os.urandom(NOTE_BYTES).hex()
    task = device.must("put", "tasks", "title=" + note)
    proxy = FaultProxy(int(server.address().rsplit(":", 1)[1]))
    device.connect = proxy.address()
    proxy.next_is(fault)
    begun = time.monotonic()
    done = device.run("sync", "--retries", "2", patience_s=to_s + 60)
    took = time.monotonic() - begun
    rig.expect(done.status == 0, f"a line {name}: {done}")
    rig.expect(fault.how == "none" or proxy.happened(), f"a line {name}: the fault came to pass")
    rig.expect(proxy.connections == connections, f"a line {name}: {proxy.connections} connections")
    rig.expect(from_s <= took <= to_s, f"a line {name}: took {took:.1f} s, not {from_s} to {to_s}")
    dump = server.dump()
    rig.expect(rigs.rows_of(dump)[shop].get("visitCount") == 1, f"a line {name}: counted once")
    rig.expect(rigs.rows_of(dump, "tasks").get(task, {}).get("title") == note,
               f"a line {name}: the note is whole")
    rig.expect(device.json("status")["pending"] == 0, f"a line {name}: nothing waits")
    proxy.close()
    return f"a line {name}: {took:.1f} s, {connections} connections"


def main():
    rig = rigs.Rig()
    server = rigs.running_server(rig)
    with ThreadPoolExecutor(len(KINDS)) as pool:
        for line in [pool.submit(try_line, rig, server, *kind) for kind in KINDS]:
            print(line.result(), flush=True)
    rig.expect(server.stop() == 0, "the server ends well")
    rig.end()


if __name__ == "__main__":
    main()
