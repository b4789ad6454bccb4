"""A bare model server: pre-rendered OpenAI chunks, as little work as a server can do.

Run as `python -m tests.benchmarks.model_upstream PORT PACE_MS`; it ends when its standard input closes.
With a pace of 0 the whole answer is written at once; otherwise a token every PACE_MS, as a model would.
"""

import asyncio
import json
import sys

TOKENS = 50
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _http_chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _event(delta: dict[str, str], finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": "bench-model",
        "choices": [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}],
        "usage": usage,
    }
    return _http_chunk(b"data: " + json.dumps(body).encode() + b"\n\n")


def rendered_pieces(tokens: int = TOKENS) -> list[bytes]:
    """The HTTP response of a streamed answer, one piece a token; the last piece also ends the stream."""
    pieces = [_event({"content": f"word{number} "}) for number in range(tokens)]
    pieces[0] = HEAD + _event({"role": "assistant", "content": ""}) + pieces[0]
    usage = {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens}
    pieces[-1] += _event({}, "stop") + _event({}, usage=usage) + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    return pieces


class _Upstream(asyncio.Protocol):
    def __init__(self, pieces: list[bytes], pace_s: float) -> None:
        self._pieces = pieces if pace_s else [b"".join(pieces)]
        self._pace_s = pace_s
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (length := self._length_of_next_request()) is not None:
            self._buffer = self._buffer[length:]
            self._write(0)

    def _write(self, piece: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(self._pieces[piece])
        if piece + 1 < len(self._pieces):
            self._loop.call_later(self._pace_s, self._write, piece + 1)

    def _length_of_next_request(self) -> int | None:
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return len(head) + 4 + length if len(body) >= length else None


async def serve(port: int, pace_ms: float) -> None:
    """Serve until standard input closes."""
    pieces = rendered_pieces()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Upstream(pieces, pace_ms / 1000), "127.0.0.1", port)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
