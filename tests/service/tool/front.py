"""A few lines in front of the emulated Google that answer as the real one would when it does not feel well.

The emulator takes every token and never fails; faults are told here, one per request, for requests whose line
contains a given text. What reached the emulator and what did not is therefore known exactly.
"""

import asyncio
import json
from dataclasses import dataclass, field

import httpx

FORWARDED = ("authorization", "content-type", "prefer", "notion-version", "if-match")
Writer = asyncio.StreamWriter


@dataclass
class Fault:
    """What happens to the next `times` requests whose first line contains `on`.

    `after_commit`: the emulator gets the request and does it; the caller sees the fault all the same.
    """

    on: str
    status: int | None = None
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut: bool = False
    truncate: bool = False
    delay_s: float = 0.0
    after_commit: bool = False
    times: int = 1


def html(on: str, status: int) -> Fault:
    """A page for people instead of an answer."""
    return Fault(on, status=status, body=b"<html><h1>Sorry</h1></html>", content_type="text/html")


def rate_limited(on: str, retry_after: str, times: int = 1) -> Fault:
    """429 with Retry-After."""
    return Fault(on, status=429, headers={"Retry-After": retry_after}, times=times)


def reason(on: str, status: int, why: str) -> Fault:
    """Google's own error format."""
    return Fault(on, status=status, body=json.dumps({"error": {"code": status, "errors": [{"reason": why}]}}).encode())


class Front:
    """`async with Front(upstream) as front:` listens at `front.url`."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.rstrip("/")
        self.faults: list[Fault] = []
        self.refused_tokens: set[str] = set()
        self.seen: list[str] = []
        self._reset = asyncio.Event()
        self.held_before: dict[bytes, asyncio.Event] = {}
        self.held_after: dict[bytes, asyncio.Event] = {}
        """Text in a body whose request is held: before the emulator has it, or after the emulator has done it."""

    async def __aenter__(self) -> "Front":
        self._http = httpx.AsyncClient(timeout=30)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._http.aclose()

    def reset(self) -> None:
        self.faults.clear()
        self.refused_tokens.clear()
        self.seen.clear()
        self._reset.set()
        self._reset = asyncio.Event()
        self.held_before.clear()
        self.held_after.clear()

    def count(self, text: str) -> int:
        """How many requests had this in their first line."""
        return sum(1 for line in self.seen if text in line)

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            await self._answer(head[0], headers, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return  # the client gave up, which several tests make it do, or the test is over
        finally:
            writer.close()

    async def _answer(self, line: str, headers: dict[str, str], body: bytes, writer: Writer) -> None:
        self.seen.append(line)
        await self._hold(self.held_before, body)
        if headers.get("authorization", "").removeprefix("Bearer ") in self.refused_tokens:
            await _send(writer, 401, b'{"error": {"code": 401, "errors": [{"reason": "authError"}]}}')
            return
        fault = self._next_fault(line)
        if fault is None or fault.after_commit or (fault.delay_s and fault.status is None):
            if fault:
                await asyncio.sleep(0 if fault.after_commit else fault.delay_s)
            answer = await self._forward(line, headers, body)
            await self._hold(self.held_after, body)
            if fault is None or (fault.delay_s and not fault.after_commit):
                await _send(writer, answer.status_code, answer.content)
                return
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
            await _fail(writer, fault)

    async def _hold(self, held: dict[bytes, asyncio.Event], body: bytes) -> None:
        """Say that it is here, and drop it at the next reset."""
        for text, arrived in held.items():
            if text in body:
                arrived.set()
                await self._reset.wait()
                raise ConnectionAbortedError("held until the reset")

    def _next_fault(self, line: str) -> Fault | None:
        for fault in self.faults:
            if fault.on in line and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    async def _forward(self, line: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        method, path, _ = line.split(" ")
        kept = {name: value for name, value in headers.items() if name in FORWARDED}
        return await self._http.request(method, self._upstream + path, headers=kept, content=body)


async def _fail(writer: Writer, fault: Fault) -> None:
    if fault.cut:
        writer.transport.abort()
        return
    if fault.truncate:
        await _send(writer, 200, b'{"items": [{"id": "a', announced=5000)
        return
    await _send(writer, fault.status or 200, fault.body, fault.headers, fault.content_type)


async def _send(
    writer: Writer,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
    announced: int | None = None,
) -> None:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "connection: close"]
    lines.append(f"content-length: {len(body) if announced is None else announced}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
