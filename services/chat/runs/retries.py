"""When a failed step is tried again by itself, and after which pause. Pure."""

from libs.bus import OURS_AWAY

MAX_FAILURES = 4
"""The fourth failure is final; the user may try again."""
AWAY_PAUSES_S = (2.0, 8.0, 30.0)
BUSY_PAUSES_S = (15.0, 60.0, 120.0)
_BUSY = frozenset({"provider_rate_limited", "rate_limited"})
_AWAY = OURS_AWAY | {"provider_garbled", "provider_timeout", "provider_unavailable", "unavailable"}


def pause_s(error: str, failures: int) -> float | None:
    """Seconds until the next try after so many failures, or None: it stays failed. Refusals are never repeated."""
    if not 0 < failures < MAX_FAILURES:
        return None
    if error in _BUSY:
        return BUSY_PAUSES_S[failures - 1]
    return AWAY_PAUSES_S[failures - 1] if error in _AWAY else None


LOOKS_S = (1.0, 2.0, 4.0, 8.0, 15.0)
APPROVED = 1_000
"""Looks are numbered from 0; after an approval from here, again with short pauses."""
WAITING_LOOK_S = 900.0
"""Somebody who decides is told of by an event; this is for the event that got lost."""


def look_in_s(look: int, *, waiting: bool = False) -> float:
    """Seconds until an effect under way is asked after again; events usually tell sooner."""
    return WAITING_LOOK_S if waiting else LOOKS_S[min(look % APPROVED, len(LOOKS_S) - 1)]
