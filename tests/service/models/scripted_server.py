"""A server that says on the wire exactly what a test scripts: the failures that no emulator plays on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
FOR_EVER_S = 60.0


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One server-sent event, as an HTTP chunk."""
    body: dict[str, Any] = {"model": "scripted", **more}
    if delta is not None or finish:
        body["choices"] = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return raw(b"data: " + json.dumps(body).encode() + b"\n\n")


def raw(data: bytes) -> bytes:
    """Any bytes, as an HTTP chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def whole(text: str) -> tuple[bytes, ...]:
    """A flawless answer."""
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    end = (event(finish="stop"), event(choices=[], usage=usage), raw(b"data: [DONE]\n\n"))
    return (HEAD, event({"content": text}), *end, 0.01, END)


def refusal(status: int, code: str, *, headers: str = "", param: str | None = None) -> tuple[bytes, ...]:
    """An error response as OpenAI writes it."""
    body = json.dumps(
        {"error": {"message": "words nobody may repeat", "type": "x", "param": param, "code": code}}
    ).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return (head.encode() + body,)


@dataclass(slots=True)
class Scripted:
    """What it says to the first request, the second, … and the last script to all that follow.

    A number in a script is a pause in seconds. When a script ends the connection stays, unless `hangs_up`.
    """

    scripts: Sequence[Sequence[bytes | float]]
    hangs_up: bool = False
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while True:
                self.requests.append(await self._request(reader))
                for said in self.scripts[min(len(self.requests), len(self.scripts)) - 1]:
                    if isinstance(said, bytes):
                        writer.write(said)
                        await writer.drain()
                    else:
                        await asyncio.sleep(said)
                if self.hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
        body: dict[str, Any] = json.loads(await reader.readexactly(length))
        return body


@asynccontextmanager
async def scripted(*scripts: Sequence[bytes | float], hangs_up: bool = False) -> AsyncIterator[Scripted]:
    """The server on a port of its own."""
    made = Scripted(scripts, hangs_up)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()
