"""A model that says what a test scripts, by the user's last words and the number of tool results since."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class Says:
    """Text, word by word; `pause_s` between words; `cut` ends it in the middle.

    `before` is awaited before the first word, `gate` after it.
    """

    text: str
    pause_s: float = 0.0
    before: asyncio.Event | None = None
    gate: asyncio.Event | None = None
    cut: bool = False
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Calls:
    """Tool calls: name and arguments. Text may come before them."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fails:
    """An error response."""

    status: int = 500
    code: str = "oops"


Answers = Says | Calls | Fails


@dataclass(slots=True)
class ModelPeer:
    """`script(user's text, results so far)` decides each answer."""

    script: Callable[[str, list[str]], Answers] = field(default=lambda text, results: Says("Hello from the model."))
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        body = await request.json()
        self.requests.append(body)
        messages = body["messages"]
        last = max(index for index, message in enumerate(messages) if message["role"] == "user")
        results = [message["content"] for message in messages[last:] if message["role"] == "tool"]
        said = self.script(messages[last]["content"], results)
        if isinstance(said, Fails):
            error = {"message": "no", "type": "server_error", "code": said.code}
            return JSONResponse({"error": error}, status_code=said.status)
        number = len(self.requests)
        return StreamingResponse(_stream(said, number), media_type="text/event-stream")


async def _stream(said: Says | Calls, number: int) -> AsyncIterator[bytes]:
    text = said.text
    words = [word + " " for word in text.split(" ")] if text else []
    if isinstance(said, Says) and said.before:
        await said.before.wait()
    for index, word in enumerate(words):
        yield _event({"content": word if index + 1 < len(words) else word[:-1]})
        if isinstance(said, Says):
            if said.gate and index == 0:
                await said.gate.wait()
            if said.cut and index >= len(words) // 2:
                return
            await asyncio.sleep(said.pause_s)
    if isinstance(said, Calls):
        for index, (name, arguments) in enumerate(said.calls):
            function = {"name": name, "arguments": json.dumps(arguments)}
            yield _event({"tool_calls": [{"index": index, "id": f"call_{number}_{index}", "function": function}]})
    yield _event({}, finish="tool_calls" if isinstance(said, Calls) else said.finish)
    yield _event(None, usage={"prompt_tokens": 100, "completion_tokens": 10})
    yield b"data: [DONE]\n\n"


def _event(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "gpt-5-mini", "choices": choices, **more}).encode() + b"\n\n"


def in_order(*answers: Answers) -> Callable[[str, list[str]], Answers]:
    """One answer after another, whatever is asked; the last one again and again."""
    left: Sequence[Answers] = answers
    given = 0

    def script(text: str, results: list[str]) -> Answers:
        nonlocal given
        given += 1
        return left[min(given, len(left)) - 1]

    return script


@asynccontextmanager
async def model_peer() -> AsyncIterator[ModelPeer]:
    """The model on a port of its own."""
    peer = ModelPeer()
    application = Starlette(routes=[Route("/v1/chat/completions", peer.complete, methods=["POST"])])
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(), name="model peer")
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    peer.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield peer
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving
