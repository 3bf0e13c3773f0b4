"""Speaks to /v1/sync as a broken or hostile peer: one connection per message.

bad_frames.py HOST PORT CA   prints one line per case: its name and how the server ended it.
"""
import os
import socket
import ssl
import struct
import sys

HOST, PORT, CA = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def connect():
    context = ssl.create_default_context(cafile=CA)
    stream = context.wrap_socket(socket.create_connection((HOST, PORT), timeout=20),
                                 server_hostname=HOST)
    stream.sendall((
        "GET /v1/sync HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Protocol: satchel.sync.v1\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(1)
    assert b" 101 " in head.split(b"\r\n")[0], head
    return stream


def websocket_frame(opcode, payload, masked=True, final=True, claimed=None):
    """One WebSocket frame; `claimed` is the length that its head tells."""
    size = len(payload) if claimed is None else claimed
    head = bytes([(0x80 if final else 0) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def read_exactly(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def ending(stream):
    """The close code that the server sends, or "cut" where it sends none."""
    try:
        while True:
            first, second = read_exactly(stream, 2)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack(">H", read_exactly(stream, 2))[0]
            elif size == 127:
                size = struct.unpack(">Q", read_exactly(stream, 8))[0]
            payload = read_exactly(stream, size)
            if first & 0x0F == 8:
                return "closed %d" % struct.unpack(">H", payload[:2])[0] if size >= 2 else "closed"
    except socket.timeout:
        return "left open"
    except (EOFError, OSError):
        return "cut"


CASES = {
    "text": websocket_frame(1, b"hello"),
    "empty": websocket_frame(2, b""),
    "noise": websocket_frame(2, b"\0" + os.urandom(64)),
    "unknown flag": websocket_frame(2, b"\x09" + bytes(64)),
    "bomb before hello": websocket_frame(
        2, b"\x01\x28\xb5\x2f\xfd\xa0\xff\xff\xff\x0f" + bytes(32)),
    "too large before hello": websocket_frame(2, bytes(1 << 20)),
    "endless": websocket_frame(2, bytes(64), claimed=1 << 62),
    "unmasked": websocket_frame(2, bytes(16), masked=False),
    "reserved opcode": websocket_frame(5, bytes(16)),
    "not WebSocket": b"\xff" * 64,
}

for name, data in CASES.items():
    with connect() as peer:
        try:
            peer.sendall(data)
        except OSError:
            pass  # It may end while we speak.
        print("%s: %s" % (name, ending(peer)))
