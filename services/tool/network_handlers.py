"""What tool does when users connect and negotiate."""

from contracts.acquaintances import (
    Acquaintances,
    AcquaintanceView,
    AnswerInvitation,
    Invitation,
    InviteAcquaintance,
    ListAcquaintances,
    Person,
    RemoveAcquaintance,
    Removed,
)
from contracts.envelope import Scope
from contracts.network import (
    AcceptProposal,
    CounterProposal,
    EndNegotiation,
    ExpireNegotiation,
    ListNegotiations,
    Negotiations,
    NegotiationView,
    Offer,
    SettleNegotiation,
    StartNegotiation,
    TellAcquaintance,
    Topic,
)
from libs.bus import Call
from services.tool.delegation.availability import Span
from services.tool.deps import ToolDeps
from services.tool.network import telling
from services.tool.settlement import driving

CALENDAR_S = 6.0
"""Nobody waits longer for their own calendar."""


async def invite_acquaintance(query: InviteAcquaintance, call: Call, deps: ToolDeps) -> AcquaintanceView:
    """One more, if they want."""
    scope, known = call.require_scope(), None
    invitation = Invitation.model_validate_json(deps.seal.open("network_invitation", scope, query.sealed_invitation))
    if query.known_organization_id is not None and query.known_user_id is not None:
        known = Scope(query.known_organization_id, query.known_user_id)
    return await deps.circle(scope).invite(invitation, query.address_hash, query.user_id, known)


async def list_acquaintances(query: ListAcquaintances, call: Call, deps: ToolDeps) -> Acquaintances:
    """Whom the user knows, has invited, and is invited by."""
    found = await deps.circle(call.require_scope()).listed(query.address_hash)
    return Acquaintances(connections=tuple(found))


async def answer_invitation(query: AnswerInvitation, call: Call, deps: ToolDeps) -> AcquaintanceView:
    """Yes or no."""
    scope = call.require_scope()
    person = Person.model_validate_json(deps.seal.open("network_person", scope, query.sealed_person))
    return await deps.circle(scope).answer(query.connection_id, query.address_hash, person, accept=query.accept)


async def remove_acquaintance(query: RemoveAcquaintance, call: Call, deps: ToolDeps) -> Removed:
    """No more, and nothing more to negotiate."""
    scope = call.require_scope()
    changed = await deps.circle(scope).remove(query.connection_id, query.address_hash, block=query.block)
    await deps.network(scope, CALENDAR_S).end_over(query.connection_id)
    return Removed(changed=changed)


async def list_negotiations(query: ListNegotiations, call: Call, deps: ToolDeps) -> Negotiations:
    """The user's."""
    found = await deps.network(call.require_scope(), CALENDAR_S).listed(max(1, min(query.limit, 200)))
    return Negotiations(sessions=tuple(found))


async def start_negotiation(query: StartNegotiation, call: Call, deps: ToolDeps) -> NegotiationView:
    """The first proposal."""
    scope = call.require_scope()
    topic = Topic.model_validate_json(deps.seal.open("network_topic", scope, query.sealed_topic))
    desk, offer = deps.network(scope, CALENDAR_S), _offer(query.sealed_offer, scope, deps)
    return await desk.start(query.session_id, query.connection_id, topic, offer)


async def counter_proposal(query: CounterProposal, call: Call, deps: ToolDeps) -> NegotiationView:
    """Other times."""
    scope = call.require_scope()
    offer = _offer(query.sealed_offer, scope, deps)
    window = Span(query.start, query.end) if query.start is not None and query.end is not None else None
    return await deps.network(scope, CALENDAR_S).counter(query.session_id, offer, window=window)


async def accept_proposal(query: AcceptProposal, call: Call, deps: ToolDeps) -> NegotiationView:
    """One of them."""
    scope = call.require_scope()
    offer = _offer(query.sealed_offer, scope, deps)
    return await deps.network(scope, CALENDAR_S).accept(query.session_id, query.start, offer)


async def end_negotiation(query: EndNegotiation, call: Call, deps: ToolDeps) -> NegotiationView:
    """None of them."""
    return await deps.network(call.require_scope(), CALENDAR_S).end(query.session_id, query.how)


async def expire_negotiation(command: ExpireNegotiation, call: Call, deps: ToolDeps) -> None:
    """Nobody answered."""
    await deps.network(call.require_scope(), CALENDAR_S).expire(command.session_id)


async def settle_negotiation(command: SettleNegotiation, call: Call, deps: ToolDeps) -> None:
    """Both calendars, or neither."""
    await driving.settle_negotiation(command.session_id, call.require_scope(), deps)


async def tell_acquaintance(command: TellAcquaintance, call: Call, deps: ToolDeps) -> None:
    """The other one hears of it."""
    await telling.pass_on(command, deps.db)


def _offer(sealed: str, scope: Scope, deps: ToolDeps) -> Offer:
    return Offer.model_validate_json(deps.seal.open("network_offer", scope, sealed))
