"""Runs the cases of http_fence.cases against a server.

http_fence.py CASES CA LOG LISTENER=HOST:PORT...   LISTENER: public, admin. The log is the
server's, at level debug: what a case smuggles must not be in it. Prints each case that got another
answer than the one right one, then "N cases of the table, M failed"; ends with 1 where one failed.
"""
import re
import socket
import ssl
import sys

WAIT_S = 10  # For an answer. A right one comes at once.
START = {"get": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
         "post": b"POST /healthz HTTP/1.1\r\nHost: a\r\n"}
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def request(name):
    return b"GET /version HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + name + b"\r\n\r\n"


WHOLE = {"smuggled": b"GET /version HTTP/1.1\r\nHost: a\r\nX-Request-Id:smuggled\r\n\r\n",
         "next": request(b"next")}


def unescaped(text):
    text = re.sub(r"\\(?:x([0-9a-f]{2})|(.))",
                  lambda m: chr(int(m[1], 16)) if m[1] else ESCAPES[m[2]], text)
    text = re.sub(r"\{([^{}]*)\*(\d+)\}", lambda m: m[1] * int(m[2]), text)
    return text.encode("latin-1")


class Case:
    def __init__(self, name, words):
        self.name = name
        self.listener = next((w for w in words if w in ("public", "admin")), None)
        self.plain = "plain" in words
        self.goes_on = "open" in words
        self.answers = [w for w in words if w[0].isdigit()]
        self.sent = b""
        self.hangs_up = False


def read_cases(path):
    cases = []
    for number, line in enumerate(open(path, encoding="ascii").read().split("\n"), 1):
        kind, _, text = line.partition(" ")
        if not line or kind == "#":
            continue
        if head := re.fullmatch(r"\[(.*)\] ((?:\d\d\d\S* )*(?:open|closed).*)", line):
            cases.append(Case(head[1], head[2].split()))
        elif line == "hang up":
            cases[-1].hangs_up = True
        elif kind in (">", "="):
            cases[-1].sent += unescaped(text) + (b"\r\n" if kind == ">" else b"")
        elif line in START or line in WHOLE:
            cases[-1].sent += START.get(line, b"") + WHOLE.get(line, b"")
        else:
            sys.exit(f"{path}:{number}: not a line of a case")
    return cases


class Answers:
    """What a connection answers, read piece by piece."""

    def __init__(self, stream):
        self.stream, self.rest, self.ended = stream, b"", False

    def more(self):
        try:
            piece = self.stream.recv(65536)
        except (ssl.SSLEOFError, ConnectionError):
            piece = b""
        self.rest += piece
        self.ended = not piece
        return not self.ended

    def take(self):
        """The next answer as (status, request id); None where the connection ended."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        head = head.decode("latin-1")
        length = re.search(r"(?im)^content-length: (\d+)", head)
        name = re.search(r"(?im)^x-request-id: (\S+)", head)
        while length and len(self.rest) < int(length[1]):
            if not self.more():
                return None
        self.rest = self.rest[int(length[1]):] if length else self.rest
        return head.split(" ")[1], name[1] if name else ""


def connect(address, ca, plain):
    host, port = address.rsplit(":", 1)
    stream = socket.create_connection((host, int(port)), timeout=WAIT_S)
    if plain:
        return stream
    return ssl.create_default_context(cafile=ca).wrap_socket(stream, server_hostname=host)


def send(stream, case):
    try:  # A refusal may come, and the connection end, while the rest is on its way.
        stream.sendall(case.sent)
        if case.hangs_up:
            stream.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def run(case, address, ca):
    """What the server made of it, in the words of the table."""
    with connect(address, ca, case.plain) as stream:
        send(stream, case)
        answers = Answers(stream)
        got = []
        if case.plain:
            while answers.more():
                pass
            return ["200 or so"] if b"HTTP/" in answers.rest else []
        for wanted in case.answers:
            answer = answers.take()
            if answer is None:
                return got + ["closed"]
            got.append(f"{answer[0]}:{answer[1]}" if ":" in wanted else answer[0])
        if case.goes_on:
            stream.sendall(request(b"afterwards"))
            answer = answers.take()
            return got + (["open"] if answer == ("200", "afterwards") else [f"then {answer}"])
        # Behind an upgrade come frames and no answers: the log tells whether one was smuggled.
        if got[-1:] == ["101"]:
            while answers.more():
                pass
            return got + ["closed"]
        while answer := answers.take():
            got.append(answer[0])
        return got + ["closed"]


def main():
    path, ca, log = sys.argv[1:4]
    listeners = dict(word.split("=") for word in sys.argv[4:])
    count, failed = 0, 0
    for case in read_cases(path):
        wanted = case.answers + ([] if case.plain else ["open" if case.goes_on else "closed"])
        for listener, address in listeners.items():
            if case.listener not in (None, listener):
                continue
            count += 1
            try:
                got = run(case, address, ca)
            except socket.timeout:
                got = [f"nothing within {WAIT_S} s"]
            if got != wanted:
                failed += 1
                print(f"FAILED: {case.name}, {listener}: wanted {wanted}, got {got}")
    text = open(log, encoding="utf-8", errors="replace").read()
    for name in ("next", "afterwards"):
        if name not in text:
            failed += 1
            print(f"FAILED: the log does not tell of the requests called {name}")
    if "smuggled" in text:
        failed += 1
        print("FAILED: a smuggled request was answered")
    print(f"{count} cases of the table, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
