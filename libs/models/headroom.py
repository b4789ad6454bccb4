"""How much a provider will still take before it says "slow down", as its own answers tell.

OpenAI: `x-ratelimit-remaining-requests`, `-tokens`, `x-ratelimit-reset-requests` as `6m0s` or `20ms`
(https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers); compatible servers copy the names.
Anthropic: `anthropic-ratelimit-requests-remaining`, the same of `tokens` and `input-tokens`, `…-reset` as RFC 3339
(https://docs.anthropic.com/en/api/rate-limits#response-headers). Gemini tells nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

LONGEST_S = 3_600.0
"""A limit of a day says little about the next minute."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_REQUESTS = ("x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining")
_TOKENS = (
    "x-ratelimit-remaining-tokens",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-tokens-remaining",
)
_RESETS = {
    "x-ratelimit-remaining-requests": "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens": "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-remaining": "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-input-tokens-remaining": "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-tokens-remaining": "anthropic-ratelimit-tokens-reset",
}


@dataclass(frozen=True, slots=True)
class Headroom:
    """What was left after an answer; each with the moment (Unix seconds) at which it says nothing any more."""

    requests: int | None = None
    requests_until: float = 0.0
    tokens: int | None = None
    tokens_until: float = 0.0

    def takes(self, requests: int, tokens: int, now: float) -> bool:
        """Whether so much more fits, as far as is known."""
        if self.requests is not None and now < self.requests_until and self.requests < requests:
            return False
        return not (self.tokens is not None and now < self.tokens_until and self.tokens < tokens)


UNTOLD = Headroom()
"""Nothing is known."""


def headroom_of(headers: Mapping[str, str], now: float) -> Headroom:
    """From the headers of an answer; what cannot be read is left out."""
    requests, requests_until = _first(headers, _REQUESTS, now)
    tokens, tokens_until = _first(headers, _TOKENS, now)
    if requests is None and tokens is None:
        return UNTOLD
    return Headroom(requests, requests_until, tokens, tokens_until)


def _first(headers: Mapping[str, str], names: tuple[str, ...], now: float) -> tuple[int | None, float]:
    for name in names:
        left = headers.get(name, "")
        if left.isascii() and left.isdigit() and len(left) < 16:
            return int(left), now + min(_seconds(headers.get(_RESETS[name], ""), now), LONGEST_S)
    return None, 0.0


def _seconds(told: str, now: float) -> float:
    """Until the reset; a minute when it is not told, for most limits are of a minute."""
    if parts := _PART.findall(told):
        return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))
    try:
        return max(0.0, datetime.fromisoformat(told).timestamp() - now)
    except (ValueError, OverflowError):
        return 60.0
