"""One streamed HTTP answer, timed from the client's side with as little client as possible."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the request's last byte to the first and to the last visible token."""

    first_token_s: float
    whole_s: float
    body: bytes


async def timed_post(url: str, body: bytes, headers: Mapping[str, str], token_mark: bytes) -> Timing:
    """POST and read to the end on a fresh connection; `token_mark` are the bytes only a visible token carries."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        head += ["Content-Type: application/json", "Connection: close"]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        started = time.perf_counter()
        first = 0.0
        received = bytearray()
        async with asyncio.timeout(60):
            while data := await reader.read(65536):
                received += data
                if not first and token_mark in received:
                    first = time.perf_counter() - started
                if received.endswith(b"0\r\n\r\n"):
                    break
    finally:
        writer.close()
    if not first:
        raise RuntimeError(f"no token in the answer: {bytes(received[:600])!r}")
    return Timing(first, time.perf_counter() - started, bytes(received))
