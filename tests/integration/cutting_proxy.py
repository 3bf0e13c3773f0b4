#!/usr/bin/env python3
"""A TCP proxy that cuts: lets a device's push through and swallows what the server answers.

cutting_proxy.py TARGET_PORT BYTES [down]   prints its port; once a connection's device has sent
more than BYTES (down: has been sent so many), nothing of the server reaches it any more, and after
a moment the connection is closed.
Handles one connection and ends: 0 if it cut, 1 if the connection ended by itself.
"""

import socket
import sys
import threading
import time

PAUSE_S = 0.8  # Long enough for the server's commit.


def main():
    target, bytes_max = int(sys.argv[1]), int(sys.argv[2])
    down = sys.argv[3:] == ["down"]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    device, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", target))
    cut = threading.Event()
    ended = threading.Event()

    def from_device():
        sent = 0
        while data := device.recv(65536):
            sent += len(data)
            if sent > bytes_max and not down:
                cut.set()
            server.sendall(data)
        ended.set()

    def from_server():
        room = bytes_max
        while data := server.recv(65536):
            if down and len(data) >= room:
                device.sendall(data[:room])
                cut.set()
            elif not cut.is_set():
                device.sendall(data)
            room = max(0, room - len(data))
        ended.set()

    def guarded(work):
        try:
            work()
        except OSError:
            ended.set()

    for work in (from_device, from_server):
        threading.Thread(target=guarded, args=(work,), daemon=True).start()
    while not cut.wait(0.02):
        if ended.is_set():
            return 1
    time.sleep(0.1 if down else PAUSE_S)
    device.close()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
