"""Whether a message speaks of meetings, so that what is being agreed on with others may matter. Pure.

Loose on purpose: a word too many costs one look, a word too few an answer that does not know of a negotiation.
"""

import re

from services.chat.own_words import plain

_MEETINGS = re.compile(
    r"\b(?:meet|meeting|schedul|reschedul|appointment|negotiat|propos|counter|slot|invit|calendar|call with|lunch with"
    r"|coffee with|time with|confirm|accept|available|availability|free (?:on|at|for)"
    r"|treff|termin|verabred|vorschlag|vorschlagen|kalender|einlad|zusag|absag|verschieb|uhrzeit)"
)


def speaks_of_meetings(message: str) -> bool:
    """In English or German."""
    return _MEETINGS.search(plain(message)) is not None
