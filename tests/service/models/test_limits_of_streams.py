"""Every adapter's limits of time and size, against a server of our own that says on the wire what a test scripts.

No emulator hangs, trickles or keeps a connection alive without a word. The formats are those of the providers'
documentation, and the emulator's tests show that the adapters read them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from libs.models import ModelClient, open_client, streamed
from libs.models.errors import ModelError, ModelTimeout, ModelUnavailable, StreamBroken
from libs.models.lines import MAX_LINE_BYTES
from libs.models.messages import ModelEvent, TextDelta, UserText
from libs.resilience.deadline import Deadline
from tests.service.models.asking import end_of, text_of
from tests.service.models.scripted_server import END, HEAD, raw, scripted

Script = tuple[bytes | float, ...]
LONG = 600
"""So many pauses of 50 ms are half a minute: nobody waits for the end of it."""


def said(body: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return raw(b"event: x\r\ndata: " + json.dumps(body).encode() + b"\r\n\r\n")


@dataclass(frozen=True)
class Dialect:
    """How a provider says things."""

    provider: str
    alive: bytes
    """What keeps a connection alive and says nothing."""
    closing: tuple[bytes, ...]
    failing: bytes

    def text(self, text: str) -> bytes:
        """Some text."""
        match self.provider:
            case "anthropic":
                return said({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
            case "gemini":
                return said({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]})
            case "openai_responses":
                return said({"type": "response.output_text.delta", "delta": text})
        return said({"choices": [{"delta": {"content": text}}]})


USAGE = {"input_tokens": 5, "output_tokens": 3}
DIALECTS = [
    Dialect(
        "anthropic",
        said({"type": "ping"}),
        (
            said({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE}),
            said({"type": "message_stop"}),
        ),
        said({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ),
    Dialect(
        "gemini",
        raw(b": keep-alive\n\n"),
        (
            said({"candidates": [{"finishReason": "STOP"}]}),
            said({"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3}}),
        ),
        said({"error": {"code": 503, "status": "UNAVAILABLE", "message": "x"}}),
    ),
    Dialect(
        "openai_responses",
        said({"type": "response.in_progress", "response": {"status": "in_progress"}}),
        (said({"type": "response.completed", "response": {"status": "completed", "usage": USAGE}}),),
        said({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}}),
    ),
    Dialect(
        "openai_compatible",
        raw(b": PROCESSING\n\n"),
        (
            said({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
            said({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}),
            raw(b"data: [DONE]\n\n"),
        ),
        said({"error": {"code": "server_error", "message": "x"}}),
    ),
]
pytestmark = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.provider)


@asynccontextmanager
async def client(dialect: Dialect, url: str, first_token_s: float = 5.0) -> AsyncIterator[ModelClient]:
    """The adapter of a dialect."""
    made = open_client(dialect.provider, url, "k", "m", first_token_s=first_token_s)
    try:
        yield made
    finally:
        await made.aclose()


async def ask(
    dialect: Dialect,
    *script: bytes | float,
    first_token_s: float = 5.0,
    within_s: float = 10.0,
    seen: list[ModelEvent] | None = None,
    hangs_up: bool = False,
) -> list[ModelEvent]:
    """Everything heard from this script."""
    heard = [] if seen is None else seen
    async with (
        scripted((HEAD, *script), hangs_up=hangs_up) as server,
        client(dialect, server.url, first_token_s) as model,
    ):
        async for event in model.stream((UserText("hello"),), (), deadline=Deadline.after(within_s)):
            heard.append(event)
    return heard


def kept_alive(dialect: Dialect) -> Script:
    """Signs of a living connection, for half a minute."""
    return tuple(piece for _ in range(LONG) for piece in (dialect.alive, 0.05))


async def test_one_connection_serves_one_answer_after_another(dialect: Dialect) -> None:
    whole = (HEAD, dialect.text("Hel"), dialect.text("lo"), *dialect.closing, 0.01, END)
    async with scripted(whole) as server, client(dialect, server.url) as model:
        for _ in range(3):
            stream = model.stream((UserText("hello"),), (), deadline=Deadline.after(10))
            events = [event async for event in stream]
            assert text_of(events) == "Hello"
            assert (end_of(events).input_tokens, end_of(events).output_tokens) == (5, 3)
    assert server.connections == 1


async def test_what_only_keeps_the_connection_alive_is_no_first_token(dialect: Dialect) -> None:
    with pytest.raises(ModelTimeout):
        await ask(dialect, *kept_alive(dialect), first_token_s=0.3)


async def test_what_only_keeps_the_connection_alive_is_no_next_token(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "STALL_S", 0.3)
    seen: list[ModelEvent] = []
    with pytest.raises(ModelTimeout):
        await ask(dialect, dialect.text("You have"), *kept_alive(dialect), seen=seen)
    assert text_of(seen) == "You have"


async def test_a_slow_answer_that_goes_on_is_heard_to_its_end(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "STALL_S", 0.5)
    slow = (piece for _ in range(8) for piece in (dialect.text("x"), 0.1, dialect.alive))
    assert text_of(await ask(dialect, *slow, *dialect.closing, END)) == "x" * 8


async def test_an_answer_that_trickles_on_ends_with_the_deadline(dialect: Dialect) -> None:
    endless = (piece for _ in range(LONG) for piece in (dialect.text("x"), 0.05))
    with pytest.raises(ModelTimeout):
        await ask(dialect, *endless, within_s=0.5)


async def test_an_error_after_the_first_word_ends_the_answer(dialect: Dialect) -> None:
    seen: list[ModelEvent] = []
    with pytest.raises(ModelUnavailable) as caught:
        await ask(dialect, dialect.text("You have"), 0.1, dialect.failing, END, seen=seen)
    assert not isinstance(caught.value, StreamBroken)
    assert text_of(seen) == "You have"


async def test_a_lost_connection_ends_the_answer(dialect: Dialect) -> None:
    seen: list[ModelEvent] = []
    with pytest.raises(StreamBroken):
        await ask(dialect, dialect.text("You have"), 0.1, seen=seen, hangs_up=True)
    assert text_of(seen) == "You have"


@pytest.mark.parametrize("junk", [b"data: {nonsense\n\n", b"data: [1]\n\n", b"data: \xff\n\n", b"<html>busy</html>\n"])
async def test_nonsense_breaks_the_stream(dialect: Dialect, junk: bytes) -> None:
    with pytest.raises(StreamBroken):
        await ask(dialect, raw(junk), END)


async def test_a_line_without_end_breaks_the_stream(dialect: Dialect) -> None:
    with pytest.raises(StreamBroken):
        await ask(dialect, raw(b"data: " + b"x" * (MAX_LINE_BYTES + 1)), 5.0)


async def test_an_answer_without_end_breaks_the_stream(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MAX_ANSWER_BYTES", 10_000)
    with pytest.raises(StreamBroken):
        await ask(dialect, *[dialect.text("x" * 500)] * 40, 5.0)


async def test_a_reader_who_leaves_takes_the_connection_along(dialect: Dialect) -> None:
    endless = (HEAD, *(piece for _ in range(LONG) for piece in (dialect.text("x"), 0.05)))
    async with scripted(endless) as server, client(dialect, server.url) as model:
        for _ in range(2):
            stream = model.stream((UserText("hello"),), (), deadline=Deadline.after(10))
            assert isinstance(await anext(stream), TextDelta)
            await stream.aclose()
    assert server.connections == 2


async def test_a_refusal_that_never_ends_is_bounded(dialect: Dialect) -> None:
    head = b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = (head, *(piece for _ in range(LONG) for piece in (raw(b" " * 1000), 0.05)))
    async with scripted(endless) as server, client(dialect, server.url, first_token_s=0.5) as model:
        with pytest.raises(ModelError):
            await anext(model.stream((UserText("hello"),), (), deadline=Deadline.after(10)))
