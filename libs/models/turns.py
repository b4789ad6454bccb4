"""What providers with strict turns ask of a conversation: Anthropic and Gemini, who agree in this."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from libs.models.messages import AnswerShape, ToolCall

GO_ON = "Go on."
"""A conversation begins with the user, which one that was shortened may not, and ends with the user: newer models no
longer continue an answer of which the beginning is put into their mouth."""
JSON_ONLY = "Answer with one JSON object and nothing else: no introduction, no code fence."
"""Where the API has no switch for it."""


Pieces = list[dict[str, Any]]


def json_only(shape: AnswerShape | None) -> str:
    """That instruction, with the schema when there is one."""
    return JSON_ONLY if shape is None else f"{JSON_ONLY} It follows this JSON Schema: {json.dumps(shape.schema)}"


def taking_turns(said: Iterable[tuple[str, Pieces]], go_on: dict[str, Any]) -> list[tuple[str, Pieces]]:
    """Roles with what they say: nobody twice in a row, nobody without a word, the user first and last, with `go_on`
    if need be."""
    turns: list[tuple[str, Pieces]] = []
    for role, pieces in said:
        if not pieces:
            continue
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(pieces)
        else:
            turns.append((role, pieces))
    if not turns or turns[0][0] != "user":
        turns.insert(0, ("user", [dict(go_on)]))
    if turns[-1][0] != "user":
        turns.append(("user", [dict(go_on)]))
    return turns


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, which they have to be; what the model wrote instead is kept inside one."""
    try:
        told = msgspec.json.decode(call.arguments or "{}")
    except msgspec.MsgspecError:
        told = call.arguments
    return told if isinstance(told, dict) else {"malformed": told}
