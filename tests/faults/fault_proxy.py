"""A line between a device and its server that can be made bad.

fault_proxy.py TARGET_PORT HOW WAY BYTES   prints its port, serves one connection with that fault
and ends: 0 if the fault came to pass, 1 if the connection ended by itself before.

As a module: FaultProxy(port) runs on a thread of its own and serves any number of connections; the
first after `next_is(fault)` gets that fault and all others are left alone.
"""

import asyncio
import contextlib
import socket
import struct
import sys
import threading

PIECE = 65536
SWALLOWED_S = 0.8  # Long enough for the server's commit.

# What happens once so many bytes have passed one way. The bytes before it do pass.
#   cut        both ends are closed in good order, as by a middlebox that restarts
#   reset      both ends are reset
#   stall      nothing passes any more, either way; nobody is told
#   server_gone   the server's end is reset, and the device is not told
#   device_gone   the device's end is reset, and the server is not told
#   swallow    the device's bytes go on passing and the server's do not; then both ends are closed
UNTOLD = ("stall", "server_gone", "device_gone")
HOWS = ("none", "cut", "reset", "swallow", *UNTOLD)


class Fault:
    """What a line does. Delay and rate hold for each way by itself."""

    def __init__(self, how="none", way="up", after=0, delay_s=0.0, bytes_per_s=0):
        assert how in HOWS and way in ("up", "down")
        self.how, self.way, self.after = how, way, after
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s

    def __str__(self):
        return f"{self.how} after {self.after} bytes {self.way}"


def reset(writer):
    """Closes so that the other end is told of an error and not of an end."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Line:
    """One connection: two ways, and a fault that comes once."""

    def __init__(self, fault, device, server):
        self.fault = fault
        self.device, self.server = device, server  # (reader, writer) each.
        self.passed = {"up": 0, "down": 0}
        self.happened = asyncio.Event()
        self.closed = asyncio.Event()

    def room(self, way):
        """How many bytes may pass before the fault; None where it is not of this way."""
        if self.fault.how == "none" or self.fault.way != way or self.happened.is_set():
            return None
        return self.fault.after - self.passed[way]

    async def carry(self, way, reader, writer):
        if self.room(way) == 0:
            self.happened.set()
        while data := await reader.read(PIECE):
            if self.happened.is_set() and not (self.fault.how == "swallow" and way == "up"):
                await self.closed.wait()
                return
            room = self.room(way)
            await self.hand_over(way, writer, data if room is None else data[:room])
            if room is not None and len(data) >= room:
                self.happened.set()
                if self.fault.how == "swallow" and way == "up":
                    await self.hand_over(way, writer, data[room:])
        if writer.can_write_eof() and not self.happened.is_set():
            writer.write_eof()

    async def hand_over(self, way, writer, data):
        if self.fault.bytes_per_s:
            await asyncio.sleep(len(data) / self.fault.bytes_per_s)
        writer.write(data)
        await writer.drain()
        self.passed[way] += len(data)

    async def break_down(self):
        await self.happened.wait()
        how = self.fault.how
        if how == "swallow":
            await asyncio.sleep(SWALLOWED_S)
        if how in ("cut", "swallow"):
            self.device[1].close()
            self.server[1].close()
            self.closed.set()
        elif how == "reset":
            reset(self.device[1])
            reset(self.server[1])
            self.closed.set()
        elif how == "server_gone":
            reset(self.server[1])
        elif how == "device_gone":
            reset(self.device[1])
        await self.closed.wait()

    async def serve(self):
        """Until both ways have ended or the fault has ended them."""
        up_reader = Late(self.device[0], self.fault)
        down_reader = Late(self.server[0], self.fault)
        async def carry_both():
            await asyncio.gather(self.carry("up", up_reader, self.server[1]),
                                 self.carry("down", down_reader, self.device[1]))

        ways = asyncio.ensure_future(carry_both())
        fault = asyncio.ensure_future(self.break_down())
        await asyncio.wait({ways, fault}, return_when=asyncio.FIRST_COMPLETED)
        if self.happened.is_set() and self.fault.how in UNTOLD:
            await self.closed.wait()  # It stays broken until the proxy ends.
        for work in (ways, fault):
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await ways
        for _, writer in (self.device, self.server):
            writer.close()


class Late:
    """A reader that gives its bytes later, and in small pieces where the line is narrow."""

    def __init__(self, reader, fault):
        self.reader, self.delay_s = reader, fault.delay_s
        self.piece = max(1, fault.bytes_per_s // 8) if fault.bytes_per_s else PIECE

    async def read(self, size):
        data = await self.reader.read(min(size, self.piece))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return data


class FaultProxy:
    """Thread-safe. Ended by close()."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.fault, self.lines, self.connections = Fault(), [], 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def _accept(self, reader, writer):
        self.connections += 1
        fault, self.fault = self.fault, Fault(delay_s=self.fault.delay_s,
                                              bytes_per_s=self.fault.bytes_per_s)
        try:
            target = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.close()
            return
        line = Line(fault, (reader, writer), target)
        self.lines.append(line)
        with contextlib.suppress(asyncio.CancelledError):  # By close().
            await line.serve()

    def next_is(self, fault):
        """The next connection gets this fault; those after it its delay and rate alone."""
        self.fault, self.lines, self.connections = fault, [], 0

    def address(self):
        return f"127.0.0.1:{self.port}"

    def happened(self):
        """Whether the fault of the connection after next_is() has come to pass."""
        return bool(self.lines) and self.lines[0].happened.is_set()

    def passed(self):
        """Bytes that the connection after next_is() let through, each way."""
        return dict(self.lines[0].passed) if self.lines else {"up": 0, "down": 0}

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


async def serve_one(target_port, fault):
    done = asyncio.get_running_loop().create_future()

    async def accept(reader, writer):
        server.close()
        target = await asyncio.open_connection("127.0.0.1", target_port)
        line = Line(fault, (reader, writer), target)
        await line.serve()
        done.set_result(0 if line.happened.is_set() else 1)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    return await done


if __name__ == "__main__":
    sys.exit(asyncio.run(serve_one(int(sys.argv[1]),
                                   Fault(sys.argv[2], sys.argv[3], int(sys.argv[4])))))
