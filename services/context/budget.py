"""What fits into a turn's context, and the receipt that says what did not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.context import ReceiptLine

# English prose measures 4.2 characters a token with the usual tokenizers; rounding down errs on the safe side.
_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Section:
    """One source and the words it would add; `missing` says why there are none, `fault` that it could not be read."""

    source: str
    words: str = ""
    missing: str | None = None
    fault: str | None = None


def tokens_of(words: str) -> int:
    """An upper estimate of the tokens in a text."""
    return math.ceil(len(words) / _CHARS_PER_TOKEN)


def fit(sections: Sequence[Section], max_tokens: int) -> tuple[ReceiptLine, ...]:
    """Take sections in the order given for as long as they fit; a small one may still follow a large one."""
    left = max_tokens
    receipt = []
    for section in sections:
        line = _weigh(section, left)
        left -= line.tokens if line.outcome == "included" else 0
        receipt.append(line)
    return tuple(receipt)


def included(receipt: Sequence[ReceiptLine], source: str) -> bool:
    """Whether the receipt lets this source in."""
    return any(line.source == source and line.outcome == "included" for line in receipt)


def _weigh(section: Section, left: int) -> ReceiptLine:
    cost = tokens_of(section.words)
    if section.fault is not None:
        return ReceiptLine(source=section.source, outcome="unavailable", reason=section.fault, tokens=0)
    if section.missing is not None:
        return ReceiptLine(source=section.source, outcome="dropped", reason=section.missing, tokens=0)
    if cost > left:
        reason = f"needs {cost} tokens, {left} are left"
        return ReceiptLine(source=section.source, outcome="dropped", reason=reason, tokens=cost)
    return ReceiptLine(source=section.source, outcome="included", reason="fits the budget", tokens=cost)
