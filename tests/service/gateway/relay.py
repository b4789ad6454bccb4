"""A wire that can be cut, between the gateway and a server that others use too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Wire:
    """Passes bytes on while it is whole."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._whole = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not self._whole:
            writer.close()
            return
        there_reader, there_writer = await self._dial()
        self._open |= {writer, there_writer}
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        self._open -= {writer, there_writer}

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def silence(self) -> None:
        """Keep connections open and carry nothing."""
        self._flowing.clear()

    def speak(self) -> None:
        """Carry what was held back, and what comes."""
        self._flowing.set()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def tcp_wire(host: str, port: int) -> AsyncIterator[tuple[Wire, int]]:
    """A wire to a TCP server, and the port of its near end."""
    wire = Wire(lambda: asyncio.open_connection(host, port))
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    yield wire, server.sockets[0].getsockname()[1]
    server.close()
    wire.speak()
    wire.cut()


@asynccontextmanager
async def socket_wire(directory: Path, target: Path) -> AsyncIterator[Wire]:
    """A wire to PostgreSQL's unix socket; its near end lies in `directory`."""
    wire = Wire(lambda: asyncio.open_unix_connection(target))
    server = await asyncio.start_unix_server(wire.carry, directory / target.name)
    yield wire
    server.close()
    wire.cut()
