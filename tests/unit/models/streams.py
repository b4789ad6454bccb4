"""How the tests of parsers read: events as their provider writes them, in whatever portions."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from libs.models.answer import Answer
from libs.models.lines import Lines
from libs.models.messages import ModelEvent, ToolCalls

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
CUTS = st.lists(st.integers(0, 3000), max_size=15)
NEWLINES = st.sampled_from([b"\n", b"\r\n"])
NOISE = st.lists(st.sampled_from([b": keep-alive", b"", b"id: 7", b"retry: 10"]), max_size=3)


def data(event: dict[str, Any]) -> bytes:
    """One line."""
    return b"data: " + json.dumps(event, ensure_ascii=False).encode()


def read(answer: Answer, *events: dict[str, Any] | bytes) -> tuple[str, list[ModelEvent]]:
    """Visible text and closing events."""
    text = "".join(answer.read(event if isinstance(event, bytes) else data(event)) for event in events)
    return text, list(answer.end())


def read_in_portions(
    answer: Answer, events: Sequence[dict[str, Any]], cuts: Sequence[int], newline: bytes, noise: Sequence[bytes]
) -> tuple[str, list[ModelEvent]]:
    """The same, when the network cuts the bytes and the server says other things in between."""
    body = b"".join(newline.join([b"event: x", data(event), b"", *noise, b""]) for event in events)
    lines, text, start = Lines(), "", 0
    for cut in [*sorted(cuts), len(body)]:
        text += "".join(answer.read(line) for line in lines.feed(body[start:cut]))
        start = max(start, cut)
    return text, list(answer.end())


def without_ids(events: list[ModelEvent]) -> list[ModelEvent]:
    """Ids made by us are different each time."""

    def plain(event: ModelEvent) -> ModelEvent:
        if not isinstance(event, ToolCalls):
            return event
        return ToolCalls(tuple(replace(call, id="") if call.id.startswith("call_") else call for call in event.calls))

    return [plain(event) for event in events]


def same_in_portions(
    make: Callable[[], Answer],
    events: Sequence[dict[str, Any]],
    cuts: Sequence[int],
    newline: bytes,
    noise: list[bytes],
) -> tuple[str, list[ModelEvent]]:
    """What the events mean, once it is shown that portions, line breaks and noise change nothing."""
    text, end = read(make(), *events)
    cut_text, cut_end = read_in_portions(make(), events, cuts, newline, noise)
    assert (cut_text, without_ids(cut_end)) == (text, without_ids(end))
    return text, end
