"""A server and devices of one's own, over the command lines: what the demo and the examples share.

    with World(bin_folder, folder) as world:
        world.server.ctl("user", "create", "ann", "--role", "rep")
        ann = world.enrol("ann")
        ann.run("put", "accounts", "name=Harbour Foods")
"""

import json
import os
import pathlib
import signal
import subprocess
import threading


class Failed(Exception):
    """A command ended with another status than it should have."""


def run(words, expect=0):
    """What a command prints; Failed where it ends with another status than `expect` (None: any)."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=300)
    if expect is not None and done.returncode != expect:
        raise Failed(f"{' '.join(map(str, words))}\nended with {done.returncode}, not {expect}\n"
                     f"{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    """satcheld on a port of its own, below `folder`. Ended by its own process id."""

    def __init__(self, bin_folder, folder):
        self.bin = pathlib.Path(bin_folder)
        self.folder = pathlib.Path(folder)
        self.process = None
        self.url = None

    def start(self):
        if not (self.folder / "satcheld.toml").exists():
            run([self.bin / "satcheld", "init", "--data", self.folder, "--listen", "127.0.0.1:0",
                 "--admin-listen", "127.0.0.1:0"])
        log = open(f"{self.folder}.log", "ab")
        self.process = subprocess.Popen(
            [str(self.bin / "satcheld"), "serve", "--data", str(self.folder)],
            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        log.close()
        patience = threading.Timer(60, self.process.kill)  # Without it a mute server hangs us.
        patience.start()
        line = self.process.stdout.readline()
        patience.cancel()
        if not line.startswith("ready "):
            self.stop()
            told = pathlib.Path(f"{self.folder}.log").read_text()[-2000:]
            raise Failed(f"satcheld did not become ready:\n{told}")
        self.url = line.split()[1]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def ctl(self, *words, expect=0):
        return run([self.bin / "satchelctl", "--data", self.folder, *words], expect)

    def enrolment_code(self, user):
        return self.ctl("device", "enroll", "--user", user).strip()

    def dump(self, *words):
        return self.ctl("dump", "--canonical", *words)


class Home:
    """One device: the satchel command line on a folder of its own."""

    def __init__(self, bin_folder, folder):
        self.bin = pathlib.Path(bin_folder)
        self.folder = pathlib.Path(folder)

    def run(self, *words, expect=0):
        return run([self.bin / "satchel", "--home", self.folder, *words], expect)

    def json(self, *words):
        return json.loads(self.run("-o", "json", *words))

    def put(self, collection, *fields):
        """A new record; its id."""
        return self.run("put", collection, *fields).strip()

    def dump(self):
        return self.run("dump", "--canonical")


class World:
    """A server and its devices in one folder that may be deleted. Stops the server at the end."""

    def __init__(self, bin_folder, folder):
        self.bin = pathlib.Path(bin_folder).resolve()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = Server(self.bin, self.folder / "server")

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *why):
        self.server.stop()

    def enrol(self, user):
        home = Home(self.bin, self.folder / user)
        home.run("enroll", self.server.enrolment_code(user), "--name", f"{user}'s device")
        return home


def find_bin():
    """The folder of the binaries: SATCHEL_BIN, or the newest preset that was built."""
    given = os.environ.get("SATCHEL_BIN")
    if given:
        return pathlib.Path(given)
    root = pathlib.Path(__file__).resolve().parent.parent
    built = [path.parent for path in root.glob("build/*/bin/satcheld")]
    if not built:
        raise Failed("no binaries; build them or set SATCHEL_BIN")
    return max(built, key=lambda path: path.stat().st_mtime)
