"""A negotiation as one of the two is shown it."""

from datetime import datetime

from contracts.envelope import Scope
from contracts.network import NegotiationView
from services.tool.network.matter import Matter
from services.tool.network.negotiation import Phase, expire
from services.tool.network.reasons import reason
from services.tool.network.sessions import Session


def negotiation_view(session: Session, matter: Matter, scope: Scope, now: datetime) -> NegotiationView:
    """Never the other's rules, calendars, or what fills them. One that is overdue is expired, told of or not."""
    side, state = session.side(scope), expire(session.state, now)
    other = matter.party(side.other).person
    return NegotiationView(
        session_id=session.session_id,
        connection_id=session.connection_id,
        status="cancelling" if state.is_called_off else state.phase.value,
        started_by_me=session.owner == scope,
        my_turn=state.phase is Phase.OPEN and state.turn is side,
        other_name=other.name,
        other_address=other.address,
        title=matter.title,
        note=matter.note,
        minutes=session.minutes,
        start=session.window.start,
        end=session.window.end,
        slots=state.slots,
        round=state.round,
        rounds_left=state.rounds_left,
        agreed=state.agreed,
        stands=state.stands,
        expires_at=state.until,
        created_at=session.created_at,
        error=session.error,
        detail=reason(session.error, Phase.CANCELLING if state.is_called_off else state.phase),
    )
