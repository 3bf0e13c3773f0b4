"""Servers and devices of the scripts beside it: real processes in a folder of their own.

A script is called SCRIPT BIN_FOLDER DISK_LIBRARY. What is random comes of SATCHEL_SEED, which is
printed; SATCHEL_LONG=1 runs ten times as much.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

LONG = os.environ.get("SATCHEL_LONG") == "1"
STATUSES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 75)  # What a command may end with, as documented.
PROBLEM = r'^error: [a-z_]+: |^\{"type":"urn:satchel:problem:[a-z_]+"'
PATIENCE_S = 60.0


class Done:
    """A command that has ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return f"status {self.status}: {self.out[-300:]} {self.err[-300:]}"

    def json(self):
        return json.loads(self.out)


def run(command, env=None, stdin="", patience_s=PATIENCE_S):
    ended = subprocess.run(command, env={**os.environ, **(env or {})}, input=stdin, text=True,
                           capture_output=True, timeout=patience_s, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


class Rig:
    """The binaries, a folder that is removed at the end, and what has failed so far."""

    def __init__(self):
        self.bin, self.library = sys.argv[1], sys.argv[2]
        self.work = tempfile.mkdtemp(prefix="faults-", dir=os.environ.get("SATCHEL_FAULTS_FOLDER"))
        self.seed = int(os.environ.get("SATCHEL_SEED", "1"))
        self.random = random.Random(self.seed)
        self.failures = 0
        self.servers = []
        self.disks = []
        print(f"seed {self.seed}", flush=True)

    def expect(self, fine, what):
        if not fine:
            self.failures += 1
            print(f"FAILED: {what}", flush=True)
        return fine

    def must(self, done, what="a step"):
        """What the script needs to go on."""
        if done.status != 0:
            print(f"FATAL: {what}: {done}", flush=True)
            self.end(1)
        return done

    def orderly(self, done, what):
        """A documented exit status, and with an error its one line."""
        fine = done.status in STATUSES
        if done.status != 0:
            fine = fine and re.search(PROBLEM, done.err, re.M) is not None
        return self.expect(fine, f"{what}: no orderly end: {done}")

    def end(self, status=None):
        for server in self.servers:
            server.kill()
        for disk in self.disks:
            run(["umount", "--lazy", disk])
        if os.environ.get("SATCHEL_FAULTS_KEEP") != "1":
            shutil.rmtree(self.work, ignore_errors=True)
        if status is None:
            status = 1 if self.failures else 0
            print(f"{self.failures} failed", flush=True)
        sys.stdout.flush()
        os._exit(status)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def disk(self, under, **settings):
        """The environment of a process whose disk is the library's; settings as in disk.c."""
        env = {"LD_PRELOAD": self.library, "SATCHEL_DISK_UNDER": under}
        return {**env, **{f"SATCHEL_DISK_{name.upper()}": text for name, text in settings.items()}}

    def mount(self, name, size):
        """A disk of that size, in memory; None where mounting is not permitted."""
        place = self.path(name)
        os.mkdir(place)
        if run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place]).status != 0:
            return None
        self.disks.append(place)
        return place

    def skip(self, why):
        print(f"SKIPPED: {why}", flush=True)
        self.end(77)


class Server:
    def __init__(self, rig, name="server", make=True, map_size=None):
        self.rig, self.data = rig, rig.path(name)
        self.process, self.making = None, threading.Lock()
        self.log = rig.path(name + ".log")
        rig.servers.append(self)
        if not make:
            return
        rig.must(run([rig.bin + "/satcheld", "init", "--data", self.data,
                      "--listen", "127.0.0.1:0"]), "init")
        if map_size:
            self.configure("map_size = .*", f'map_size = "{map_size}"')

    def configure(self, pattern, text):
        path = self.data + "/satcheld.toml"
        with open(path, encoding="utf-8") as file:
            config = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(pattern, text, config))

    def address(self):
        with open(self.data + "/satcheld.toml", encoding="utf-8") as file:
            return re.search(r'^listen = "(.*)"', file.read(), re.M).group(1)

    def launch(self, env=None):
        """Starts it, without waiting until it is ready."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.rig.bin + "/satcheld", "serve", "--data", self.data],
                env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=log, text=True)

    def start(self, env=None):
        """True once it is ready; False if it ended before."""
        self.launch(env)
        return self.process.stdout.readline().startswith("ready ")

    def must_start(self, env=None):
        if not self.start(env):
            with open(self.log, encoding="utf-8") as log:
                self.rig.must(Done(1, "", log.read()[-2000:]), "start of the server")

    def wait(self):
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            return self.wait()
        return None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def make_user(self, name, role="rep"):
        """Reps hold each other's accounts: they are of one territory."""
        with self.making:  # Devices are enrolled side by side.
            if "north" not in self.must("territory", "list"):
                self.must("territory", "create", "north")
        self.must("user", "create", name, "--role", role, "--territory", "north")

    def command(self, *words):
        return [self.rig.bin + "/satchelctl", "--data", self.data, *words]

    def ctl(self, *words):
        return run(self.command(*words))

    def must(self, *words):
        return self.rig.must(self.ctl(*words), " ".join(words)).out.strip()

    def dump(self, *words):
        return self.must("dump", "--canonical", *words)


class Device:
    """A home. Its install mark lies outside, so that a copy of the home is no other device."""

    def __init__(self, rig, name, connect=None):
        self.rig, self.name, self.home = rig, name, rig.path(name)
        self.connect = connect

    def command(self, *words):
        line = [self.rig.bin + "/satchel", "--home", self.home,
                "--install-file", self.rig.path("installed-" + self.name)]
        if self.connect:
            line += ["--connect", self.connect]
        return line + list(words)

    def run(self, *words, env=None, stdin="", patience_s=PATIENCE_S):
        return run(self.command(*words), env, stdin, patience_s)

    def must(self, *words, env=None):
        done = self.run(*words, env=env)
        return self.rig.must(done, f"{self.name}: {' '.join(words)}").out.strip()

    def json(self, *words):
        return json.loads(self.must("-o", "json", *words))

    def enroll(self, server, env=None, role="rep"):
        server.make_user(self.name, role)
        self.must("enroll", server.must("device", "enroll", "--user", self.name), env=env)

    def dump(self):
        return self.must("dump", "--canonical")


def running_server(rig, **settings):
    server = Server(rig, **settings)
    server.must_start()
    return server


def enrolled(rig, server, name, **settings):
    device = Device(rig, name, **settings)
    device.enroll(server)
    return device


def pair(rig):
    """A server that runs, and a device of ann's."""
    server = running_server(rig)
    return server, enrolled(rig, server, "ann")


def keep(*folders):
    """Puts them aside, to be put back again and again as they are now."""
    for folder in folders:
        os.rename(folder, folder + "-kept")


def put_back(*folders):
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(folder + "-kept", folder)


def killing_fault(random, deepest):
    """A call of a process at which to kill it: held there, or noted and let go on."""
    call = random.choice(["write", "write", "sync"])
    place = random.randint(1, deepest[call])
    what = random.choice(["hold", "hold", "note"])
    return f"{call} {place} {what} {random.choice(['before', 'after'])}"


def rows_of(dump, collection="accounts"):
    """The fields of a canonical dump's records by their id."""
    rows = [json.loads(line) for line in dump.splitlines()]
    found = {row["id"]: row["fields"] for row in rows if row["collection"] == collection}
    count = sum(row["collection"] == collection for row in rows)
    assert len(found) == count, "a record twice"
    return found


def wait_for_file(path, processes):
    """True once the file is there; False if all the processes have ended without it."""
    until = time.monotonic() + PATIENCE_S
    while not os.path.exists(path):
        if all(process.poll() is not None for process in processes):
            return os.path.exists(path)
        if time.monotonic() > until:
            return False
        time.sleep(0.0005)
    return True


def wait_until(condition, patience_s=PATIENCE_S):
    """What the condition says, once it says something; else what it said last."""
    until = time.monotonic() + patience_s
    while not (said := condition()) and time.monotonic() < until:
        time.sleep(0.005)
    return said


def remove(path):
    if os.path.exists(path):
        os.remove(path)


def start_command(command, env=None):
    return subprocess.Popen(command, env={**os.environ, **(env or {})}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def result_of(process):
    out, err = process.communicate(timeout=PATIENCE_S)
    return Done(process.returncode, out, err)
