"""A small provider on loopback whose answers a test decides, request by request; and a way to read a source to its end.

For providers that nobody emulates. On which truth the answers rest is said in each test's module.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from libs.providers.rest import Access
from libs.providers.source import Item, Page, Source

ACCESS = Access("good-token", "cn_1")
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    """The decoded JSON."""
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """One answer; `raw` instead of JSON for what is none, `hang` for none at all, `stall` for
    one that goes silent half way, `cut` for one whose connection ends there."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang: bool = False
    stall: bool = False
    cut: bool = False


Answer = Callable[[Asked], Told]


@dataclass
class Vendor:
    """`answer` decides; `faults` come first, one each. Every other token than ACCESS's is refused."""

    answer: Answer
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: list[Told] = field(default_factory=list)
    check: Callable[[Asked], None] | None = None
    is_open: bool = False
    """Takes requests without a token."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, many requests."""
        try:
            while True:
                asked = await _request(reader)
                self.asked.append(asked)
                told = self._told(asked)
                if told.hang:
                    await asyncio.sleep(60)
                body = told.raw if told.raw is not None else json.dumps(told.content).encode()
                if told.status == 304:
                    body = b""
                headers = {"content-type": "application/json", "content-length": str(len(body)), **told.headers}
                lines = [f"HTTP/1.1 {told.status} -", *(f"{name}: {value}" for name, value in headers.items())]
                shown = body[: len(body) // 2] if told.stall or told.cut else body
                writer.write("\r\n".join([*lines, "", ""]).encode() + shown)
                await writer.drain()
                if told.stall:
                    await asyncio.sleep(60)
                if told.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _told(self, asked: Asked) -> Told:
        if not self.is_open and asked.headers.get("authorization") != f"Bearer {ACCESS.token}":
            return Told({"error": {"code": "InvalidAuthenticationToken"}}, 401)
        if self.check:
            self.check(asked)
        return self.faults.pop(0) if self.faults else self.answer(asked)


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    query = dict(parse_qsl(url.query))
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Asked(method, url.path, query, headers, None, dict(parse_qsl(body.decode())))
    return Asked(method, url.path, query, headers, json.loads(body) if body else None)


@asynccontextmanager
async def vendor(answer: Answer) -> AsyncIterator[Vendor]:
    """Listening at `.url`."""
    made = Vendor(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


async def read(source: Source, stream: str, cursor: str | None = None, access: Access = ACCESS) -> list[Page]:
    """All pages."""
    async with aclosing(source.pages(access, stream, cursor, SINCE)) as pages:
        return [page async for page in pages]


def items(pages: list[Page]) -> dict[str, Item]:
    """By external id, the later ones winning."""
    return {item.external_id: item for page in pages for item in page.items}


def gone(pages: list[Page]) -> set[str]:
    """Ids that no longer exist."""
    return {id for page in pages for id in page.gone}
