"""A device's home, and then a server's folder, on a disk of 8 MiB that is full to the last page.

Reads go on; what the server deletes or gives to another is taken away; new work is refused with
store_disk_full, by no signal, and taken again within 5 s of there being space, by a process that
was there all the time. Nothing that was acknowledged is lost.
"""

import json
import os
import subprocess
import sys
import time

import rig as rigs

SIZE, MORE = "8m", "32m"
TEXT = "x" * 20000
RESUMES_WITHIN_S = 5.0


def fill(place):
    """The rest of the disk, by a file of somebody else's."""
    with open(os.path.join(place, "filler"), "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


class Office:
    """The server of the devices, on a disk with room."""

    def __init__(self, rig):
        self.rig, self.server = rig, rigs.Server(rig)
        self.server.must_start()

    def put(self, name):
        put = self.server.must("-o", "json", "record", "put", "accounts", "name=" + name,
                               "territory=north", "description=" + TEXT)
        return json.loads(put)["id"]


def check_reads(rig, device, one, wanted, what):
    for words in (["get", "accounts", one], ["query", "accounts", "--limit", "3"],
                  ["search", "office"], ["status"], ["verify"]):
        done = device.run(*words)
        rig.expect(done.status == 0, f"{what}: {words[0]}: {done}")
    dump = device.run("dump", "--canonical")
    rig.expect(dump.status == 0 and dump.out.strip() == wanted, f"{what}: the dump is another")


def check_refused(rig, device, what):
    """Pages that are free in the file may take a write or two."""
    for _ in range(100):
        put = device.run("put", "accounts", "name=Last", "description=" + TEXT)
        if put.status != 0:
            break
    rig.expect(put.status == 1 and put.err.startswith("error: store_disk_full: "),
               f"{what}: a write that does not fit: {put}")


class Shell:
    """A process that has the home open all the time."""

    def __init__(self, device):
        self.process = subprocess.Popen(device.command("shell"), text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        for answer in self.process.stdout:
            answer = json.loads(answer)
            if "event" not in answer:
                return answer
        return {"error": {"code": f"ended with {self.process.wait()}"}}

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def code_of(answer):
    return (answer.get("error") or {}).get("code")


def writes_resume(rig, shell, what):
    since = time.monotonic()
    while code_of(answer := shell.ask(f"put accounts name=After description={TEXT}")):
        if time.monotonic() - since > RESUMES_WITHIN_S:
            break
        time.sleep(0.05)
    took = time.monotonic() - since
    rig.expect(not code_of(answer), f"{what}: no writes after {took:.1f} s: {str(answer)[:200]}")
    return took


def filled_by_others(rig, office):
    """The device has what the office gave; then somebody fills the disk."""
    device = rigs.Device(rig, "disk/ann")
    device.name = "ann"
    device.enroll(office.server)
    ids = [office.put(f"Office {number}") for number in range(60)]
    device.must("sync")
    fill(rig.path("disk"))
    check_refused(rig, device, "filled by others")
    check_reads(rig, device, ids[0], device.dump(), "filled by others")

    shell = Shell(device)
    refused = shell.ask(f"put accounts name=Refused description={TEXT}")
    rig.expect(code_of(refused) == "store_disk_full", f"filled by others: {str(refused)[:200]}")
    rig.expect(shell.end() == 0, "a shell on a full disk ends well")
    for gone in ids[:15]:
        office.server.must("record", "delete", "accounts", gone)
    office.server.must("territory", "create", "south")
    for moved in ids[15:30]:
        office.server.must("record", "put", "accounts", moved, "territory=south")
    sync = device.run("sync", "--retries", "0")
    rig.expect(sync.status == 0, f"deletes and evictions on a full disk: {sync}")
    left = office.server.dump("--user", "ann")
    shown = set(rigs.rows_of(device.dump()))
    rig.expect(not shown & set(ids[:30]) and set(ids[30:]) <= shown, "what was taken away is gone")
    check_reads(rig, device, ids[30], left, "after deletes and evictions")

    shell = Shell(device)
    fill(rig.path("disk"))
    os.remove(rig.path("disk", "filler"))
    took = writes_resume(rig, shell, "with the filler gone")
    rig.expect(shell.end() == 0, "the shell ends well")
    device.must("sync")
    rig.expect(device.dump() == office.server.dump("--user", "ann"), "both hold the same")
    return took


def filled_by_itself(rig, office):
    """The device writes until its disk is full; all that it acknowledged gets to the server."""
    device = rigs.Device(rig, "disk/bob")
    device.name = "bob"
    device.enroll(office.server)
    first = device.must("put", "accounts", "name=First office")
    shell, count = Shell(device), 1
    while not code_of(answer := shell.ask(f"put accounts name=Bob description={TEXT}")):
        count += 1
    rig.expect(code_of(answer) == "store_disk_full", f"filled by itself: {str(answer)[:200]}")
    rig.expect(shell.end() == 0, "the shell ends well")
    fill(rig.path("disk"))
    check_refused(rig, device, "filled by itself")
    whole = device.dump()
    rig.expect(len(rigs.rows_of(whole)) >= count, f"not all of {count} acknowledged")
    check_reads(rig, device, first, whole, "filled by itself")
    rig.orderly(device.run("sync", "--retries", "0"), "an exchange on a full disk")
    rig.orderly(device.run("sync", "--retries", "0"), "an exchange on a full disk, again")
    rig.expect(device.run("verify").status == 0, "filled by itself: not whole")
    shell = Shell(device)
    rig.must(rigs.run(["mount", "-o", f"remount,size={MORE}", rig.path("disk")]), "remount")
    took = writes_resume(rig, shell, "on a larger disk")
    rig.expect(shell.end() == 0, "the shell ends well")
    device.must("sync")
    dump = device.dump()
    rig.expect(dump == office.server.dump("--user", "bob"), "both hold the same")
    rig.expect(len(rigs.rows_of(dump)) >= count + 1, f"not all of {count} got to the server")
    return took


def server_on_full_disk(rig):
    """Its devices' work waits with them; reads and erasing go on."""
    rig.mount("disk2", SIZE)
    server = rigs.Server(rig, "disk2/server")
    server.log = rig.path("server2.log")
    server.must_start()
    device = rigs.Device(rig, "cay")
    device.enroll(server)
    told, sync = 0, rigs.Done(0, "", "")
    ids = []
    while sync.status == 0 and told < 1000:
        ids += [device.must("put", "accounts", "name=Cay", "description=" + TEXT)
                for _ in range(10)]
        sync = device.run("sync", "--retries", "0")
        told += 10 if sync.status == 0 else 0
    rig.expect("error: store_disk_full: " in sync.err, f"the server's disk is full: {sync}")
    fill(rig.path("disk2"))
    rows = rigs.rows_of(server.dump())
    rig.expect(set(ids[:told]) <= set(rows), "the server lost what it had acknowledged")
    gone = server.ctl("record", "delete", "accounts", ids[0])
    rig.expect(gone.status == 0, f"a deletion on a full disk: {gone}")
    for _ in range(100):
        refused = server.ctl("record", "put", "accounts", "name=No", "description=" + TEXT)
        if refused.status != 0:
            break
    rig.expect("error: store_disk_full: " in refused.err, f"what does not fit: {refused}")
    rig.expect(server.process.poll() is None, "the server lives")
    rig.must(rigs.run(["mount", "-o", f"remount,size={MORE}", rig.path("disk2")]), "remount")
    since = time.monotonic()
    while (sync := device.run("sync", "--retries", "0")).status != 0:
        if time.monotonic() - since > RESUMES_WITHIN_S:
            break
        time.sleep(0.1)
    rig.expect(sync.status == 0, f"on a larger disk the exchange does not go on: {sync}")
    rig.expect(set(ids[1:]) <= set(rigs.rows_of(server.dump())), "what waited has come")
    rig.expect(device.dump() == server.dump("--user", "cay"), "both hold the same")
    rig.expect(server.stop() == 0 and server.ctl("fsck").status == 0, "the server is whole")


def main():
    rig = rigs.Rig()
    if rig.mount("disk", SIZE) is None:
        unshared = ["unshare", "--map-root-user", "--mount"]
        if "SATCHEL_UNSHARED" in os.environ or rigs.run(unshared + ["true"]).status != 0:
            rig.skip("mounting is not permitted here")
        os.rmdir(rig.path("disk"))
        os.rmdir(rig.work)
        os.environ["SATCHEL_UNSHARED"] = "1"
        os.execvp(unshared[0], unshared + [sys.executable] + sys.argv)
    office = Office(rig)
    print(f"filled by others: writes resume {filled_by_others(rig, office):.2f} s after space")
    print(f"filled by itself: writes resume {filled_by_itself(rig, office):.2f} s after space")
    server_on_full_disk(rig)
    rig.end()


if __name__ == "__main__":
    sys.exit(main())
