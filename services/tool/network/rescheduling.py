"""Another time for a meeting that stands: within which window, and with its event not in its own way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.tool.delegation.availability import Span
from services.tool.network.free_time import Own
from services.tool.network.matter import Matter
from services.tool.network.negotiation import Side
from services.tool.network.rules import require_window
from services.tool.network.sessions import Session

AROUND: Final = timedelta(days=7)


def window_of(given: Span | None, slots: Sequence[datetime], stands: datetime, now: datetime) -> Span:
    """The given one, or a week around the named times, or around when it stands. Raises ProposalRefused."""
    near = slots or (stands,)
    wanted = given or Span(min(near) - AROUND, max(near) + AROUND)
    window = Span(max(wanted.start, now), wanted.end)
    require_window(window, now)
    return window


def own_event(session: Session, matter: Matter, side: Side) -> Own | None:
    """What stands in that side's calendar already."""
    calendars, ref, stands = matter.party(side).calendars, session.entries[side].ref, session.state.stands
    if stands is None or ref is None or not calendars:
        return None
    return Own(calendars[0], ref, Span(stands, stands + timedelta(minutes=session.minutes)))


def kept_first(calendars: tuple[str, ...], session: Session, matter: Matter, side: Side) -> tuple[str, ...]:
    """The user's calendars; where the meeting stands comes first, whatever was connected since."""
    if session.state.stands is None:
        return calendars
    first = matter.party(side).calendars[:1]
    return first + tuple(provider for provider in calendars if provider not in first)
