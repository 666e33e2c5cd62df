"""A TCP proxy before a server's Unix socket, with a bad network inside: late, cut, or half open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 1 << 16


@dataclass
class Network:
    """What happens to bytes on their way, in both directions; may be changed at any time."""

    latency_seconds: float = 0.0
    cut_after_bytes: int | None = None
    """Of one direction of a connection: then it is reset, in the midst of a message."""
    silent: bool = False
    """Half open: nothing arrives any more, and nobody is told. Ends with a reset."""


@dataclass
class Proxy:
    """A port on loopback that leads to the socket."""

    socket: Path
    network: Network = field(default_factory=Network)
    port: int = 0
    cuts: int = 0

    async def serve(self, begun: threading.Event, end: asyncio.Event) -> None:
        """Until `end` is set."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        begun.set()
        async with server:
            await end.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            back, forth = await asyncio.open_unix_connection(str(self.socket))
            ends.append(forth)
            both = ((reader, forth), (back, writer))
            ways = [asyncio.create_task(self._carry(*way)) for way in both]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            return
        finally:
            for one in ends:
                one.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.network.cut_after_bytes
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._delayed()
                if self.network.cut_after_bytes is not None:
                    left = self.network.cut_after_bytes if left is None else left - len(data)
                    if left <= 0:
                        self.cuts += 1
                        writer.write(data[: len(data) // 2])
                        await writer.drain()
                        return
                writer.write(data)
                await writer.drain()

    async def _delayed(self) -> None:
        await asyncio.sleep(self.network.latency_seconds)
        if self.network.silent:
            while self.network.silent:
                await asyncio.sleep(0.05)
            raise ConnectionResetError


@contextmanager
def proxied(socket: Path) -> Iterator[Proxy]:
    """A proxy in a thread of its own, for as long as the context lasts."""
    proxy, begun, loop = Proxy(socket), threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    def run() -> None:
        loop.run_until_complete(proxy.serve(begun, end))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())

    thread = threading.Thread(target=run, name="proxy", daemon=True)
    thread.start()
    assert begun.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()
