"""What providers with strict turns ask of a conversation: Anthropic and Gemini, who agree in this."""

from collections.abc import Iterable
from typing import Any

import msgspec

from libs.models.messages import ToolCall

BEGINNING = "Go on."
"""A conversation has to begin with the user; one that was shortened may not."""
JSON_ONLY = "Answer with one JSON object and nothing else: no introduction, no code fence."
"""Where the API has no switch for it."""

Pieces = list[dict[str, Any]]


def taking_turns(said: Iterable[tuple[str, Pieces]], opening: Pieces) -> list[tuple[str, Pieces]]:
    """Roles with what they say: nobody twice in a row, nobody without a word, the user first, with `opening` if need
    be."""
    turns: list[tuple[str, Pieces]] = []
    for role, pieces in said:
        if not pieces:
            continue
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(pieces)
        else:
            turns.append((role, pieces))
    if not turns or turns[0][0] != "user":
        turns.insert(0, ("user", opening))
    return turns


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, which they have to be; what the model wrote instead is kept inside one."""
    try:
        told = msgspec.json.decode(call.arguments or "{}")
    except msgspec.MsgspecError:
        told = call.arguments
    return told if isinstance(told, dict) else {"malformed": told}
