"""Peers that stop half way, all at once: each must be let go at its own deadline and not before.

silent_peers.py HOST PORT CA   prints one line per peer: its name, a space, and the whole seconds
that its connection was left open ("still" where it was open at the end).
"""
import socket
import ssl
import sys
import threading
import time

HOST, PORT, CA = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LONGEST = 75  # Seconds: more than the longest deadline waited for.

UPGRADE = ("GET /v1/sync HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
           "Sec-WebSocket-Protocol: satchel.sync.v1\r\n\r\n").encode()


def plain():
    return socket.create_connection((HOST, PORT), timeout=LONGEST)


def secure():
    context = ssl.create_default_context(cafile=CA)
    return context.wrap_socket(plain(), server_hostname=HOST)


def saying(*pieces):
    """A peer that says each piece a second after the one before it."""
    def connect():
        stream = secure()
        for piece in pieces:
            stream.sendall(piece)
            time.sleep(1)
        return stream
    return connect


def watch(name, connect, lines):
    started = time.monotonic()
    stream = connect()
    try:
        while stream.recv(4096):
            pass
        lines[name] = str(int(time.monotonic() - started))
    except socket.timeout:
        lines[name] = "still"
    except OSError:
        lines[name] = str(int(time.monotonic() - started))


PEERS = {
    "no-tls": plain,
    "no-request": secure,
    "half-a-header": saying(*[b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "] + [b"x"] * 20),
    "half-a-body": saying(b"POST /v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"),
    "no-hello": saying(UPGRADE),
}

lines = {}
threads = [threading.Thread(target=watch, args=(name, connect, lines))
           for name, connect in PEERS.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for name in PEERS:
    print(name, lines[name])
