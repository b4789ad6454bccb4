"""All tools as they are offered to one user: what is said to be missing is what an assistant cannot do without.

Mail and a calendar, from whichever provider. Somebody who uses Outlook is not told to connect Gmail, and nobody is told
of every service they do not have.
"""

from contracts.tool import Tools
from services.tool.registry import Audience, Registry

ESSENTIAL: tuple[tuple[str, ...], ...] = (("calendar", "outlook_calendar"), ("gmail", "outlook_mail"))
"""Providers of the same thing; the first one is named when none is connected."""


class OfferedTools(Registry):
    """The registry with that notion of missing."""

    def for_connections(self, connected: frozenset[str], audience: Audience = Audience.OWNER) -> Tools:
        """What these connections allow, and which essential ones are missing; an outsider is told of none."""
        offered = super().for_connections(connected, audience)
        if audience is not Audience.OWNER:
            return offered.model_copy(update={"missing_providers": ()})
        missing = tuple(names[0] for names in ESSENTIAL if connected.isdisjoint(names))
        return offered.model_copy(update={"missing_providers": missing})
