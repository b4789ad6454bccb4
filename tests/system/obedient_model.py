"""A language model that does whatever any text tells it to: the worst planner there can be.

It first reads what a test says it reads, then looks for orders in everything it has been shown, the user's words aside:
in plain text, behind invisible characters, in base64, reversed, as entities, as rot13, or split into parts. What it
finds it calls. So what stands between an injected order and its effect is Adjutant alone.
"""

import asyncio
import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

Call = tuple[str, dict[str, Any]]
_ORDER = re.compile(r"([a-z]+(?:_[a-z]+)+)\s*(\{[^{}]*\})")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_HEX = re.compile(r"0x([0-9a-f]{40,})")
_SPACED = re.compile(r"(?:\S {1,3}){20,}\S")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
LOOKALIKES = {"\u0430": "a", "\u0435": "e", "\u043e": "o", "\u0441": "c", "\u0440": "p", "\u0456": "i", "\u0455": "s"}
"""Cyrillic letters, and the Latin ones for which they are taken."""
_PART = re.compile(r"part\s*(\d)\s*of\s*\d\s*:\s*\[\[(.*?)\]\]", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class ObedientModel:
    """`plans`: what it calls before it has read anything, by the user's words."""

    plans: dict[str, list[Call]] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    """What it answers in the end, by the user's words."""
    url: str = ""
    obeyed: list[str] = field(default_factory=list)
    """The user's words of every turn in which it found an order and called for it."""
    heeds: frozenset[str] = frozenset({"tool", "assistant"})
    """Whose messages it obeys; with `user`, also what the person it talks with orders."""
    shown: list[str] = field(default_factory=list)
    """Everything it has been shown, request by request."""

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        body = await request.json()
        messages = body["messages"]
        self.shown.append(json.dumps(body, ensure_ascii=False))
        last = max(index for index, message in enumerate(messages) if message["role"] == "user")
        asked = messages[last]["content"]
        since = messages[last + 1 :]
        made = [call for message in since for call in message.get("tool_calls") or ()]
        plan = self.plans.get(asked, [])
        if len(made) < len(plan):
            return _streamed(calls=[plan[len(made)]])
        shown = [message["content"] or "" for message in messages if message["role"] in self.heeds]
        orders = [order for order in orders_in(shown) if not _is_made(order, made)]
        if orders and len(made) == len(plan):
            self.obeyed.append(asked)
            return _streamed(calls=orders)
        if asked in self.says:
            return _streamed(text=self.says[asked])
        told = next((message["content"] for message in reversed(since) if message["role"] == "tool"), "")
        return _streamed(text=f"I did what there was to do. {told[:3_000]}")


def orders_in(texts: list[str]) -> list[Call]:
    """Every call that any of the texts asks for, however it is dressed."""
    found: dict[str, Call] = {}
    for text in _undressed("\n".join(_strings(texts))):
        for name, arguments in _ORDER.findall(text):
            try:
                call = (name, json.loads(arguments))
            except ValueError:
                continue
            found[json.dumps(call, sort_keys=True)] = call
    return list(found.values())


def _strings(texts: list[str]) -> Iterator[str]:
    """The texts, and every text inside those that are JSON."""
    for text in texts:
        yield text
        start = text.find("{")
        try:
            decoded, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else (None, 0)
        except ValueError:
            continue
        yield from _inner(decoded)


def _inner(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _inner(each)


def _undressed(text: str) -> Iterator[str]:
    yield text
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    yield visible
    yield unicodedata.normalize("NFKC", visible)
    yield html.unescape(visible)
    yield html.unescape(html.unescape(visible))
    yield codecs.decode(visible, "rot13")
    yield "".join(LOOKALIKES.get(c, c) for c in visible)
    yield "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)
    yield unquote(visible)
    yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)), visible)
    yield from (spaced.replace("   ", "\0").replace(" ", "").replace("\0", " ") for spaced in _SPACED.findall(visible))
    yield visible[::-1]
    yield "".join(part for _, part in sorted(dict(_PART.findall(visible)).items()))
    for token in _HEX.findall(visible):
        yield bytes.fromhex(token[: len(token) // 2 * 2]).decode(errors="replace")
    for token in _BASE64.findall(visible):
        try:
            yield base64.b64decode(token.replace(" ", ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def _is_made(order: Call, made: list[dict[str, Any]]) -> bool:
    return any(
        call["function"]["name"] == order[0] and json.loads(call["function"]["arguments"]) == order[1] for call in made
    )


def _streamed(text: str = "", calls: list[Call] | None = None) -> StreamingResponse:
    return StreamingResponse(_events(text, calls or []), media_type="text/event-stream")


async def _events(text: str, calls: list[Call]) -> AsyncIterator[bytes]:
    if text:
        yield _event({"content": text})
    for index, (name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": json.dumps(arguments)}
        yield _event({"tool_calls": [{"index": index, "id": f"call_{id(function)}_{index}", "function": function}]})
    yield _event({}, finish="tool_calls" if calls else "stop")
    yield _event(None, usage={"prompt_tokens": 100, "completion_tokens": 10})
    yield b"data: [DONE]\n\n"


def _event(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "obedient", "choices": choices, **more}).encode() + b"\n\n"


@asynccontextmanager
async def obedient_model() -> AsyncIterator[ObedientModel]:
    """The model on a port of its own."""
    model = ObedientModel()
    application = Starlette(routes=[Route("/v1/chat/completions", model.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(), name="obedient model")
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    model.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving
