"""What the offline engine does next: a call, or the answer; and what a call came to."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to run next."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to; `detail` is a sentence for the user when it failed."""

    tool: str
    ok: bool
    result: dict[str, Any]
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """The answer; nothing is left to do."""

    text: str
