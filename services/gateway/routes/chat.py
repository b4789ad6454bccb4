"""Chat: one message in, a streamed answer out; and everything about a turn afterwards."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field, field_validator

from contracts.chat import GetTurn, TurnStatus, TurnView
from contracts.ids import ConversationId, TurnId
from libs.bus import RemoteError
from services.gateway.chat_request import ChatFields
from services.gateway.errors import MalformedEventId
from services.gateway.guards import Chatter, GatewayHere, Reader
from services.gateway.idempotency import IdempotencyKey
from services.gateway.strict_json import StrictRoute
from services.gateway.turn_response import PLAIN, SSE, TurnResponse, preferred
from services.gateway.turn_start import conversation_of, resume_turn, start_turn
from services.gateway.turns import asked_again, stop_turn
from services.gateway.wire import AUTHENTICATED, WITH_BODY, Prose, StrictBody, problems

router = APIRouter(prefix="/api/ai", tags=["chat"], route_class=StrictRoute)

_EVENT_ID = re.compile(r"^(t_[0-9a-f]{32}):([0-9]{1,9})$")
_EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"type": "string", "description": "The update's type"},
        "id": {"type": "string", "description": "<turn id>:<n>, for Last-Event-ID"},
        "data": {"type": "string", "contentMediaType": "application/json", "description": "The update"},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The turn as it happens; ends with turn.completed, turn.failed, turn.stopped or error",
        "content": {
            SSE: {"schema": _EVENT},
            PLAIN: {"schema": {"type": "string", "description": "Text with control tokens in double brackets"}},
        },
        "headers": {
            name: {"schema": {"type": "string"}} for name in ("X-Turn-Id", "X-Conversation-Id", "X-RateLimit-Remaining")
        },
    }
}


class ChatMessage(StrictBody):
    """One message. Earlier ones may be sent along; the conversation's own record is what counts."""

    role: Literal["user", "assistant", "system"]
    content: Prose


class ChatRequest(ChatFields):
    """A message to the assistant; the last of `messages` is the one that is answered, and is the user's."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=200)]

    @field_validator("messages")
    @classmethod
    def _user_speaks_last(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        if messages[-1].role != "user":
            raise ValueError("the last message must have the role user")
        return messages


class Stopping(BaseModel):
    """The stop is on its way; the stream ends with turn.stopped, unless the answer was quicker."""

    turn_id: str
    status: Literal["stopping"] = "stopping"


LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]
Accept = Annotated[str, Header(include_in_schema=False)]


@router.post(
    "/chat", response_class=Response, responses={**_STREAM, **problems(*AUTHENTICATED, *WITH_BODY, 404, 409, 429)}
)
async def chat(
    body: ChatRequest,
    caller: Chatter,
    gateway: GatewayHere,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
    accept: Accept = "",
) -> Response:
    """Answer a message as a stream. The turn goes on when the client leaves; the answer is in the conversation.

    With an `Idempotency-Key`, a repeated request joins the same turn. With `Last-Event-ID`, the turn named there is
    resumed and the body is not looked at.
    """
    if last_event_id:
        turn_id, after = _position(last_event_id)
        turn = await resume_turn(gateway, caller, turn_id, after)
    else:
        turn = await start_turn(gateway, caller, body.asked(body.messages[-1].content), idempotency_key)
    return TurnResponse(turn, preferred(accept))


@router.get(
    "/turns/{turn_id}/stream", response_class=Response, responses={**_STREAM, **problems(*AUTHENTICATED, 404, 422)}
)
async def resume(
    turn_id: str, caller: Chatter, gateway: GatewayHere, last_event_id: LastEventId = None, accept: Accept = ""
) -> Response:
    """What the client missed since `Last-Event-ID`, and the rest; from any replica."""
    after = seen_of(turn_id, last_event_id)
    return TurnResponse(await resume_turn(gateway, caller, turn_id, after), preferred(accept))


@router.get("/turns/{turn_id}", responses=problems(*AUTHENTICATED, 404))
async def get_turn(turn_id: str, caller: Reader, gateway: GatewayHere) -> TurnView:
    """Where a turn stands, with the answer when there is one."""
    conversation_id = await conversation_of(gateway, caller, turn_id)
    try:
        return await gateway.bus.ask(GetTurn(turn_id=TurnId(turn_id)), scope=caller.scope)
    except RemoteError as error:
        if error.slug != "turn_not_found":
            raise
        # Accepted, and not begun by chat yet.
        return TurnView(
            turn_id=TurnId(turn_id), conversation_id=ConversationId(conversation_id), status=TurnStatus.ACCEPTED
        )


@router.post("/turns/{turn_id}/stop", status_code=202, responses=problems(*AUTHENTICATED, 404))
async def stop(turn_id: str, caller: Chatter, gateway: GatewayHere) -> Stopping:
    """Stop a turn, also one that has not begun. What was written so far stays in the conversation."""
    await conversation_of(gateway, caller, turn_id)
    await stop_turn(gateway.bus, caller.scope, TurnId(turn_id))
    return Stopping(turn_id=turn_id)


@router.post(
    "/turns/{turn_id}/regenerate",
    response_class=Response,
    responses={**_STREAM, **problems(*AUTHENTICATED, 404, 409, 429)},
)
async def regenerate(turn_id: str, caller: Chatter, gateway: GatewayHere, accept: Accept = "") -> Response:
    """Answer the last message of a conversation anew; the new answer takes the place of the old one.

    A turn that changed something outside is not repeated: that would happen a second time.
    """
    await conversation_of(gateway, caller, turn_id)
    asked = await asked_again(gateway.bus, gateway.seal, caller.scope, TurnId(turn_id))
    return TurnResponse(await start_turn(gateway, caller, asked, None), preferred(accept))


def seen_of(turn_id: str, last_event_id: str | None) -> int:
    """The number of the last update of this turn that a client has. Raises MalformedEventId."""
    if not last_event_id:
        return 0
    named, after = _position(last_event_id)
    if named != turn_id:
        raise MalformedEventId("Last-Event-ID belongs to another turn.")
    return after


def _position(last_event_id: str) -> tuple[str, int]:
    named = _EVENT_ID.fullmatch(last_event_id)
    if named is None:
        raise MalformedEventId("Last-Event-ID must be the id of an event of this API.")
    return named[1], int(named[2])
