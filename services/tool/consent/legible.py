"""Texts of others as lines that a person can trust to be what they look like: short, with nothing invisible."""

import unicodedata

LONGEST_LINE = 300
MOST_MARKS = 4
"""Accents that one letter may carry; no script needs more, and a tower of them covers the lines above and below."""
_BLANK = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0))) | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""What Python calls printable and nobody sees: fillers and variation selectors."""


def legible(text: str, most: int = LONGEST_LINE) -> str:
    """One line of at most so many characters; an ellipsis says that there was more."""
    kept: list[str] = []
    marks = 0
    for character in text[: 4 * most]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if character.isspace():
            kept.append(" ")
        elif character.isprintable() and character not in _BLANK and marks <= MOST_MARKS:
            kept.append(character)
    line = " ".join("".join(kept).split())
    is_cut = len(line) > most or len(text) > 4 * most
    return f"{line[: most - 1].rstrip()}…" if is_cut else line
