"""Placeholders in the place of what is personal: the same value gets the same placeholder in every turn of its user.

A placeholder is made with a key of the user, so it says nothing to anybody else and cannot be guessed from a list of
values.
"""

import hashlib
import re

from libs.privacy.detectors import Kind, hits

DIGITS = 8
PASSES = 5
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(Kind)})_[0-9a-f]{{{DIGITS}}}\]")
LONGEST = max(map(len, Kind)) + DIGITS + 3


class Scrubber:
    """For one request: remembers what it has replaced, so that the answer can be put right."""

    def __init__(self, key: bytes, kinds: frozenset[Kind]) -> None:
        """`key`: 32 bytes of the user's."""
        self._key = key
        self._kinds = kinds
        self.values: dict[str, str] = {}
        """By placeholder."""

    def scrub(self, text: str) -> str:
        """The text with placeholders. One that was there before and is nobody's stays as it is.

        Looked through until nothing is found: two numbers beside each other look like one that is none.
        """
        for _ in range(PASSES):
            clean = self._once(text)
            if clean == text:
                break
            text = clean
        return text

    def _once(self, text: str) -> str:
        pieces: list[str] = []
        position = 0
        for hit in hits(text, self._kinds):
            pieces += text[position : hit.start], self._placeholder(hit.kind, text[hit.start : hit.end])
            position = hit.end
        pieces.append(text[position:])
        return "".join(pieces)

    def _placeholder(self, kind: Kind, value: str) -> str:
        """Two values never share one: whoever comes second in a request is told apart by a longer look."""
        for attempt in range(100):
            seed = f"{kind}|{_normalised(kind, value)}|{attempt}"
            digest = hashlib.blake2b(
                seed.encode("utf-8", "replace"), key=self._key, digest_size=DIGITS // 2
            ).hexdigest()
            placeholder = f"[{kind}_{digest}]"
            known = self.values.setdefault(placeholder, value)
            if _normalised(kind, known) == _normalised(kind, value):
                return placeholder
        raise AssertionError("a hundred collisions of 32 bits")


def _normalised(kind: Kind, value: str) -> str:
    """Two spellings of one number are one value; the first spelling of a request is the one that is given back."""
    if kind is Kind.EMAIL:
        return value.lower()
    if kind is Kind.SECRET:
        return value
    return "".join(character for character in value.upper() if character.isalnum() or character == "+")
