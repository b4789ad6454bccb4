"""The outsider's chat: "Are you free on Tuesday afternoon?", answered as a stream, at a link and about booking only.

A conversation is continued with a token that its first answer carries, once. What is kept of the token is the
conversation's id, which is a hash of link and token: with another link's token, or another token, there is no such
conversation.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field
from starlette.types import Send

from contracts.chat import Visitor
from contracts.conversations import GetConversation
from contracts.delegations import BookingPage
from contracts.ids import ConversationId, is_id
from services.gateway.audit import Action, record
from services.gateway.errors import TurnNotFound
from services.gateway.guards import GatewayHere, OriginHere
from services.gateway.limits import Limit
from services.gateway.principal import Principal
from services.gateway.routes.booking import OPEN_S, VISITOR, Secret, Visit, open_link, scope_of
from services.gateway.routes.chat import LastEventId, seen_of
from services.gateway.signing import digest, new_secret
from services.gateway.small_json import SmallRoute
from services.gateway.turn_response import SSE, EventSink, TurnResponse
from services.gateway.turn_start import FollowedTurn, conversation_of, resume_turn, start_turn
from services.gateway.turn_stream import Sink
from services.gateway.turns import AskedTurn
from services.gateway.turns import Visit as TurnVisit
from services.gateway.updates import Update, write_update
from services.gateway.wire import WITH_BODY, ShortProse, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/booking/{token}", tags=["booking"], route_class=SmallRoute)

DAY_S = 86_400
_TOLD = frozenset({"turn.accepted", "turn.restarted", "turn.completed", "turn.failed", "turn.stopped", "error"})
_STEPS = frozenset({"step.started", "step.result", "step.ended"})
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer as it is written; ends with turn.completed, turn.failed, turn.stopped or error",
        "content": {SSE: {"schema": {"type": "string"}}},
        "headers": {name: {"schema": {"type": "string"}} for name in ("X-Chat-Token", "X-RateLimit-Remaining")},
    }
}


class ChatGuest(StrictBody):
    """Who writes, as far as they have said; booking needs both."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    address: Annotated[str, Field(min_length=3, max_length=254)] | None = None


class GuestMessage(StrictBody):
    """A message. Without `chat_token` it begins a conversation, and the answer carries X-Chat-Token."""

    message: ShortProse
    timezone: Timezone | None = None
    guest: ChatGuest | None = None
    chat_token: Secret | None = None


class Message(BaseModel):
    """What was said."""

    role: Literal["user", "assistant"]
    text: str
    at: datetime


class Chat(BaseModel):
    """The conversation so far, oldest first; the newest hundred messages."""

    messages: list[Message]


ChatToken = Annotated[str, Header(alias="X-Chat-Token", min_length=1, max_length=100)]
TurnRef = Annotated[str, Path(pattern=r"^t_[0-9a-f]{32}$")]


class VisitorSink(EventSink):
    """What an outsider sees of a turn: the answer, which step is being made, and the id of what was booked. Not by
    which model, not at what cost, and not what a tool said about its failure."""

    async def write(self, update: Update, body: bytes) -> None:
        """One event, or none."""
        if update.type == "token":
            await super().write(update, body)
        elif update.type in _TOLD:
            shown = Update(n=update.n, type=update.type, turn_id=update.turn_id, detail=update.detail)
            await super().write(shown, write_update(shown))
        elif update.type in _STEPS:
            booked = update.text if update.text and is_id(update.text) else None
            shown = Update(
                update.n, update.type, step_id=update.step_id, name=update.name, status=update.status, text=booked
            )
            await super().write(shown, write_update(shown))


class VisitorResponse(TurnResponse):
    """Follows a turn for an outsider."""

    def __init__(self, turn: FollowedTurn, headers: dict[str, str]) -> None:
        turn.allowance = None  # how many others write at this link is not theirs to know
        super().__init__(turn, SSE)
        del self.headers["x-conversation-id"]
        self.headers.update(headers)

    def sink(self, send: Send) -> Sink:
        """Where the updates go."""
        return VisitorSink(send, self._turn.stream.turn_id)


@router.post("/chat", response_class=Response, responses={**_STREAM, **problems(*WITH_BODY, 404, 429)})
async def chat(
    body: GuestMessage, visit: Visit, response: Response, gateway: GatewayHere, origin: OriginHere
) -> Response:
    """Ask for free times and book one, in your own words. The answer goes on when you leave, and what it books too.

    What is booked is named by the `text` of a `step.result`; the chat token is the secret that moves and cancels it.
    """
    found = await open_link(visit, gateway)
    token = body.chat_token or new_secret()
    conversation = _conversation_of(found, token)
    asked = AskedTurn(
        text=body.message,
        conversation_id=conversation if body.chat_token else None,  # then there must be one
        timezone=body.timezone,
        visit=TurnVisit(found.delegation_id, _visitor(found, body.guest, token)),
    )
    caller = _caller(found)
    limit = Limit(f"booking-chat-{found.delegation_id}", gateway.settings.booking_chats_per_day, DAY_S)
    turn = await start_turn(gateway, caller, asked, None, conversation, limit)
    headers = dict(response.headers)
    if body.chat_token:
        return VisitorResponse(turn, headers)
    try:
        async with gateway.db.transaction(caller.scope) as tx:
            await record(tx, VISITOR, Action.BOOKING_CHAT_BEGUN, conversation, origin)
    except BaseException:
        await turn.close()
        raise
    return VisitorResponse(turn, headers | {"x-chat-token": token})


@router.get("/chat", responses=problems(404, 422, 429))
async def messages(visit: Visit, gateway: GatewayHere, chat_token: ChatToken) -> Chat:
    """What was said in the conversation of this token."""
    found = await open_link(visit, gateway)
    query = GetConversation(
        conversation_id=_conversation_of(found, chat_token), limit=100, delegation_id=found.delegation_id
    )
    view = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=OPEN_S)
    return Chat(messages=[Message(role=each.role, text=each.text, at=each.created_at) for each in view.messages])


@router.get("/chat/turns/{turn_id}/stream", response_class=Response, responses={**_STREAM, **problems(404, 422, 429)})
async def resume(
    turn_id: TurnRef,
    visit: Visit,
    response: Response,
    gateway: GatewayHere,
    chat_token: ChatToken,
    last_event_id: LastEventId = None,
) -> Response:
    """What the visitor missed of an answer since `Last-Event-ID`, and the rest; from any replica."""
    found = await open_link(visit, gateway)
    caller = _caller(found)
    if await conversation_of(gateway, caller, turn_id) != _conversation_of(found, chat_token):
        raise TurnNotFound("There is no such turn.")
    after = seen_of(turn_id, last_event_id)
    return VisitorResponse(await resume_turn(gateway, caller, turn_id, after), dict(response.headers))


def _caller(found: BookingPage) -> Principal:
    return Principal(scope_of(found), "visitor", found.delegation_id, frozenset())


def _conversation_of(found: BookingPage, token: str) -> ConversationId:
    """128 bits of SHA-256 over link and token: of 256 random bits there is nothing to guess."""
    hashed = hashlib.sha256(f"outsider's chat|{found.delegation_id}|{token}".encode("utf-8", "replace"))
    return ConversationId(f"vc_{hashed.hexdigest()[:32]}")


def _visitor(found: BookingPage, guest: ChatGuest | None, token: str) -> Visitor:
    return Visitor(
        label=found.label,
        host_name=found.shown_name,
        timezone=found.timezone,
        durations=found.durations,
        name=guest.name if guest else None,
        address=guest.address if guest else None,
        secret_hash=digest(token),
    )
