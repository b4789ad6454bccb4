"""Values in the place of their placeholders, in a stream too: only what may be the beginning of one is held back."""

import json
import re
from collections.abc import Mapping

from libs.privacy.detectors import Kind
from libs.privacy.scrubbing import DIGITS, LONGEST, PLACEHOLDER

_NAMES = tuple(Kind)


class Restorer:
    """Feed it the pieces of an answer."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown now; at most the beginning of one placeholder is kept for the next time."""
        text = self._held + piece
        cut = _open_at(text)
        self._held = text[cut:]
        return restored(text[:cut], self._values)

    def end(self) -> str:
        """What was held back and turned out to be no placeholder."""
        rest, self._held = self._held, ""
        return rest


def restored(text: str, values: Mapping[str, str]) -> str:
    """The whole text; a placeholder that nobody made stays."""
    if "[" not in text:
        return text
    return PLACEHOLDER.sub(lambda match: values.get(match.group(), match.group()), text)


def restored_json(text: str, values: Mapping[str, str]) -> str:
    """The same inside JSON text: values are escaped as strings are."""
    return restored(text, {placeholder: json.dumps(value)[1:-1] for placeholder, value in values.items()})


def _open_at(text: str) -> int:
    """Where the beginning of a placeholder stands at the end of the text; its length when there is none."""
    at = text.rfind("[", max(0, len(text) - LONGEST + 1))
    return at if at >= 0 and _may_become_one(text[at:]) else len(text)


def _may_become_one(tail: str) -> bool:
    for name in _NAMES:
        whole = f"[{name}_"
        if len(tail) <= len(whole):
            if whole.startswith(tail):
                return True
        elif tail.startswith(whole) and re.fullmatch(rf"[0-9a-f]{{0,{DIGITS}}}", tail[len(whole) :]):
            return True
    return False
