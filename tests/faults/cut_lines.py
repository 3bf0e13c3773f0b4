"""Sessions over real TLS, cut at every 16th byte of the exchange, each way.

Four devices count upwards, one increment a case: two whose lines are cut on the way up and two on
the way down, one in good order and one by a reset, which take turns at the bytes. However it was
cut, the increment takes effect once, in the server's dump, and the device needs at most two more
connections.
"""

from concurrent.futures import ThreadPoolExecutor

import rig as rigs
from fault_proxy import Fault, FaultProxy

STEP = 1 if rigs.LONG else 16
RECONNECTS = 2
WALKS = (("ann", "up", "cut"), ("bob", "up", "reset"), ("cay", "down", "cut"),
         ("dan", "down", "reset"))
BYTES_MIN = 1000  # An exchange is longer, either way: its handshake alone is.


def counter_in(dump, shop):
    return rigs.rows_of(dump)[shop].get("visitCount", 0)


def count_upwards(rig, server, name, way, how):
    """Cuts ever later, until the whole exchange fits before the cut."""
    device = rigs.enrolled(rig, server, name)
    shop = device.must("put", "accounts", "name=Shop")
    device.must("sync")
    proxy = FaultProxy(int(server.address().rsplit(":", 1)[1]))
    device.connect = proxy.address()
    most, count = 0, 0
    while True:
        fault = Fault(how, way, (2 * count + (how == "reset")) * STEP)
        count += 1
        device.must("add", "accounts", shop, "visitCount=1")
        proxy.next_is(fault)
        done = device.run("sync", "--retries", str(RECONNECTS))
        most = max(most, proxy.connections - 1)
        rig.expect(done.status == 0, f"{name}: {fault}: {done}")
        rig.expect(proxy.connections - 1 <= RECONNECTS, f"{name}: {fault}: {proxy.connections}")
        got = counter_in(server.dump(), shop)
        rig.expect(got == count, f"{name}: {fault}: counted {got} instead of {count}")
        if rig.failures > 5 or not proxy.happened():
            break
    proxy.close()
    device.connect = None
    device.must("sync")
    rig.expect(counter_in(device.dump(), shop) == count, f"{name}: the device shows the count")
    rig.expect(device.json("status")["pending"] == 0, f"{name}: nothing waits")
    rig.expect(fault.after > BYTES_MIN, f"{name}: the exchange was walked: {fault.after} bytes")
    print(f"{name}: {count - 1} times {how}, to the end: {fault}, at most {most} reconnects",
          flush=True)


def main():
    rig = rigs.Rig()
    server = rigs.running_server(rig)
    with ThreadPoolExecutor(len(WALKS)) as pool:
        for walk in [pool.submit(count_upwards, rig, server, *each) for each in WALKS]:
            walk.result()
    rig.expect(server.stop() == 0, "the server ends well")
    rig.end()


if __name__ == "__main__":
    main()
