"""Why a negotiation came to nothing, or a meeting stays where it was: in a sentence, for both of the two.

Whose calendar it was is not said: the other one's connections are none of the reader's business.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.tool.network.negotiation import Phase

LEFT_BEHIND: Final = "event_left_behind"
OTHERWISE = "One of the two calendars could not be written."
_AWAY = "One of the two calendars did not answer."
_ANEW = "One of the two calendars is not connected any more, or has to be connected again."
_OURS = "Something went wrong on our side."

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "slot_taken": "The time was not free any more for one of you.",
        "provider_unavailable": _AWAY,
        "provider_timeout": _AWAY,
        "provider_garbled": _AWAY,
        "unavailable": _AWAY,
        "circuit_open": _AWAY,
        "provider_rate_limited": "One of the two calendars was asked too often.",
        "token_rejected": _ANEW,
        "not_connected": _ANEW,
        "reauthorization_required": _ANEW,
        "provider_not_configured": _ANEW,
        "provider_permission_missing": "One of the two calendars may not be written: a permission is missing.",
        "provider_refused": "One of the two calendars refused the event.",
        "provider_entity_exists": "One of the two calendars refused the event.",
        "provider_entity_not_found": "The event, or a calendar, was not there any more.",
        "oauth_unavailable": _OURS,
        "bus_unavailable": _OURS,
        "internal_error": _OURS,
    }
)
"""By slug: what ends a step of a calendar for good, and what it was at the last try. All others are OTHERWISE."""

_LEFT = "One of the two calendars does not do what was agreed on: look into yours, and put right what is wrong there."
_OUTCOMES = {
    Phase.AGREED: "What was done is being taken back.",
    Phase.FAILED: "The meeting is in neither calendar; start another negotiation for another time.",
    Phase.CONFIRMED: "The meeting stays where it was.",
    Phase.CANCELLING: "The meeting is being taken out of both calendars.",
}


def reason(slug: str | None, phase: Phase) -> str | None:
    """The cause, and what became of the meeting; None where nothing went wrong."""
    if slug is None:
        return None
    if slug == LEFT_BEHIND:
        return _LEFT
    cause, outcome = CAUSES.get(slug, OTHERWISE), _OUTCOMES.get(phase)
    return f"{cause} {outcome}" if outcome else cause
