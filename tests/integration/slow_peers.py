"""Peers that are slow on purpose, many at once: a third drips its header, a third its body, and a
third asks again and again and hardly reads the answers.

slow_peers.py HOST PORT CA COUNT [again]   says "ready" once all are connected. Then, when the last
one was let go, a line per kind: "KIND COUNT EARLIEST LATEST", in whole seconds since it connected.
With `again`, who was let go comes back at once, until the process is ended.
"""
import resource
import select
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

DRIP_S = 5
LONGEST_S = 150  # More than any deadline.
DIALS = 16       # At once: a handshake has a deadline of its own.
# What is not there is named in the answer: these are more than a server may be made to hold.
STARTS = {"header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ",
          "body": b"POST /v1/enrollments/x:redeem HTTP/1.1\r\nHost: a\r\n"
                  b"Content-Length: 9000\r\n\r\n",
          "reader": (b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: a\r\n\r\n") * 24}
GONE = select.POLLHUP | select.POLLERR | select.POLLRDHUP


class Peer:
    def __init__(self, kind, address, tls):
        self.kind, self.address, self.tls = kind, address, tls
        self.stream, self.begun, self.lasted_s = None, 0.0, None

    def dial(self):
        self.stream = socket.socket()
        self.begun, self.lasted_s = time.monotonic(), None
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.stream.settimeout(60)
        try:
            self.stream.connect(self.address)
            self.stream = self.tls.wrap_socket(self.stream, server_hostname=self.address[0])
            self.stream.sendall(STARTS[self.kind])
            self.stream.setblocking(False)
        except OSError:
            self.end()

    def events(self):
        """What tells that it was let go. A reader does not look at what has come."""
        return GONE if self.kind == "reader" else GONE | select.POLLIN

    def drip(self):
        try:
            if self.kind == "reader":
                self.stream.recv(1)
            else:
                self.stream.send(b"x")
        except ssl.SSLError:
            pass
        except OSError:
            self.end()

    def end(self):
        if self.lasted_s is None:
            self.lasted_s = time.monotonic() - self.begun
            self.stream.close()


class Crowd:
    def __init__(self, address, ca, count):
        tls = ssl.create_default_context(cafile=ca)
        self.peers = [Peer(("header", "body", "reader")[i % 3], address, tls) for i in range(count)]
        self.pool = ThreadPoolExecutor(DIALS)
        self.poll, self.open, self.refused = select.poll(), {}, []
        self.add(self.peers)

    def add(self, peers):
        list(self.pool.map(Peer.dial, peers))
        self.refused = [peer for peer in peers if peer.lasted_s is not None]
        for peer in peers:
            if peer.lasted_s is None:
                self.open[peer.stream.fileno()] = peer
                self.poll.register(peer.stream, peer.events())

    def round(self):
        """Everybody drips once. Who was let go meanwhile."""
        for peer in list(self.open.values()):
            peer.drip()
        until, gone = time.monotonic() + DRIP_S, []
        for number, peer in self.open.items():
            if peer.lasted_s is not None:
                self.poll.unregister(number)
                gone.append(number)
        while (left := until - time.monotonic()) > 0 and len(gone) < len(self.open):
            for number, _ in self.poll.poll(left * 1000):
                self.poll.unregister(number)
                gone.append(number)
        peers = [self.open.pop(number) for number in gone]
        for peer in peers:
            peer.end()
        return peers + self.refused


def main():
    host, port, ca, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    again = sys.argv[5:] == ["again"]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd((host, port), ca, count)
    print("ready", flush=True)
    until = time.monotonic() + LONGEST_S
    while again or (crowd.open and time.monotonic() < until):
        gone = crowd.round()
        if again and gone:
            crowd.add(gone)
    for kind in STARTS:
        seconds = [int(peer.lasted_s) for peer in crowd.peers
                   if peer.kind == kind and peer.lasted_s is not None]
        print(kind, len(seconds), min(seconds, default=-1), max(seconds, default=-1))


if __name__ == "__main__":
    main()
