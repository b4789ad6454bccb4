"""One WebSocket: messages in, live events out, notifications pushed.

A message that makes no sense is answered by an `error` message, never by cutting the line. Turns go on when the
socket closes; their answers are in the conversation.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Annotated, Any, Literal

import msgspec
import structlog
from pydantic import Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from contracts.ids import TurnId
from libs.resilience.errors import AdjutantError, Internal, InvalidInput, RateLimited, TooLarge
from services.gateway.actions import Decision, decide
from services.gateway.chat_request import ChatFields
from services.gateway.complaints import complaint
from services.gateway.deps import Gateway
from services.gateway.guards import check_permission
from services.gateway.principal import Origin, Permission, Principal
from services.gateway.strict_json import parse
from services.gateway.turn_start import FollowedTurn, conversation_of, start_turn
from services.gateway.turns import stop_turn
from services.gateway.updates import Update
from services.gateway.wire import Prose, StrictBody

log = structlog.get_logger("services.gateway")


class ChatIn(ChatFields):
    """A message to the assistant; `request_id` comes back in everything about it."""

    type: Literal["chat"]
    message: Prose
    request_id: Annotated[str, Field(max_length=100)] | None = None


class StopIn(StrictBody):
    """Stop a turn."""

    type: Literal["stop"]
    turn_id: Annotated[str, Field(pattern=r"^t_[0-9a-f]{32}$")]


class ActionIn(StrictBody):
    """Decide on an action that the assistant proposed; `arguments` take the place of the proposed ones."""

    type: Literal["action"]
    action_id: Annotated[str, Field(pattern=r"^x_[0-9a-f]{32}$")]
    decision: Decision
    arguments: dict[str, Any] | None = None


class PingIn(StrictBody):
    """Are you there?"""

    type: Literal["ping"]


Incoming = ChatIn | StopIn | ActionIn | PingIn
_incoming: TypeAdapter[Incoming] = TypeAdapter(Annotated[Incoming, Field(discriminator="type")])


_PUSHED = (("notification", "inbox"), ("sync", "sync"), ("action", "action"))
"""What a client is told of without asking, and the live subject on which it is heard."""


class TooManyTurns(RateLimited):
    """This socket follows as many turns as it may."""

    slug = "too_many_turns"
    advice = "Wait until a turn ends."


class MessageTooLarge(TooLarge):
    """A WebSocket message over the limit."""

    slug = "message_too_large"


class SocketSession:
    """One client on one socket."""

    def __init__(self, socket: WebSocket, gateway: Gateway, caller: Principal, origin: Origin) -> None:
        self._socket, self._gateway, self._caller, self._origin = socket, gateway, caller, origin
        self._turns: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the client leaves or this replica stops (then with code 1012: come back)."""
        # Subscribed here and not in the task: a subscription that is cancelled half-way breaks the shared connection.
        bus, user_id = self._gateway.bus, self._caller.scope.user_id
        async with AsyncExitStack() as stack:
            heard = {type: await stack.enter_async_context(bus.listen(kind, user_id)) for type, kind in _PUSHED}
            await self._serve(heard)

    async def _serve(self, heard: Mapping[str, AsyncIterator[bytes]]) -> None:
        pushes = [asyncio.create_task(self._push(type, bodies)) for type, bodies in heard.items()]
        stopping = asyncio.create_task(self._gateway.stopping.wait())
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait((stopping, receiving), return_when=asyncio.FIRST_COMPLETED)
            if self._socket.application_state is WebSocketState.CONNECTED and not receiving.done():
                await self._socket.close(1012, "this replica is restarting")
        finally:
            tasks = [*pushes, stopping, receiving, *self._turns]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._socket.receive()
            except RuntimeError:
                return  # Starlette's word for a socket that is closed
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._take(message.get("text"), message.get("bytes"))
            except AdjutantError as error:
                await self.send(_refusal(error))
            except Exception as error:
                log.exception("socket_message_failed", error=type(error).__name__)
                await self.send(_refusal(Internal("Something went wrong on our side.")))

    async def _take(self, text: str | None, raw: bytes | None) -> None:
        given = raw if text is None else text.encode("utf-8", "replace")
        if given is None or len(given) > self._gateway.settings.socket_message_bytes:
            raise MessageTooLarge(f"A message may have {self._gateway.settings.socket_message_bytes:,} bytes.")
        message = _read(parse(given))
        if isinstance(message, PingIn):
            await self.send({"type": "pong"})
            return
        await self._still_welcome()
        if isinstance(message, StopIn):
            await conversation_of(self._gateway, self._caller, message.turn_id)
            await stop_turn(self._gateway.bus, self._caller.scope, TurnId(message.turn_id))
            return
        if isinstance(message, ActionIn):
            check_permission(self._caller, Permission.MANAGE)
            action = await decide(
                message.action_id, message.decision, message.arguments, self._caller, self._gateway, self._origin
            )
            await self.send({"type": "action_decided", "data": action.model_dump(mode="json")})
            return
        if len(self._turns) >= self._gateway.settings.socket_turns:
            raise TooManyTurns("This connection follows as many turns as it may.", retry_after_s=1)
        task = asyncio.create_task(self._chat(message))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _still_welcome(self) -> None:
        """A session that was revoked loses its open sockets with the next message."""
        check_permission(self._caller, Permission.CHAT)
        await self._gateway.authenticator.still_valid(self._caller)

    async def _chat(self, message: ChatIn) -> None:
        sink = SocketSink(self, message.request_id)
        try:
            turn = await self._begin(message)
            sink.turn_id, sink.conversation_id = turn.stream.turn_id, turn.stream.conversation_id
            await turn.follow(sink)
        except AdjutantError as error:
            await self.send(_refusal(error, message.request_id))
        except Exception as error:
            log.exception("socket_turn_failed", error=type(error).__name__)
            await self.send(_refusal(Internal("Something went wrong on our side."), message.request_id))

    async def _push(self, type: str, bodies: AsyncIterator[bytes]) -> None:
        """Hand on what others tell this user: notifications, and how a sync is getting on."""
        async for body in bodies:
            await self.send({"type": type, "data": msgspec.Raw(body)})

    async def _begin(self, message: ChatIn) -> FollowedTurn:
        """Start the turn to the end even if the client leaves meanwhile: a message is taken whole or not at all."""
        asked = message.asked(message.message)
        starting = asyncio.create_task(start_turn(self._gateway, self._caller, asked, None))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._gateway.authenticator.later(_abandon(starting))
            raise

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message; a socket that has closed meanwhile is no error."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._socket.send_text(msgspec.json.encode(message).decode())
        except (WebSocketDisconnect, RuntimeError):
            log.debug("socket_closed_meanwhile")


class SocketSink:
    """Updates of one turn as WebSocket messages."""

    def __init__(self, session: SocketSession, request_id: str | None) -> None:
        self._session = session
        self._named = {"request_id": request_id} if request_id is not None else {}
        self._text: list[str] = []
        self._updates: list[msgspec.Raw] = []
        self.turn_id = self.conversation_id = ""

    async def write(self, update: Update, body: bytes) -> None:
        """One live event; after the last one, the answer as a whole."""
        await self._session.send(
            {"type": "chat_event", **self._named, "turn_id": self.turn_id, "data": msgspec.Raw(body)}
        )
        if update.type == "token":
            self._text.append(update.text or "")
            return
        if update.type == "turn.restarted":
            self._text.clear()
        self._updates.append(msgspec.Raw(body))
        if update.final:
            await self._session.send(
                {
                    "type": "chat_response",
                    **self._named,
                    "turn_id": self.turn_id,
                    "conversation_id": self.conversation_id,
                    "message": "".join(self._text),
                    "data": self._updates,
                }
            )

    async def ping(self) -> None:
        """Nothing: WebSockets have pings of their own."""


async def _abandon(starting: asyncio.Task[FollowedTurn]) -> None:
    """Let a turn start that nobody follows any more; its answer will be in the conversation."""
    try:
        turn = await starting
    except AdjutantError as error:
        log.info("abandoned_turn_refused", error=error.slug)
    else:
        await turn.close()


def _read(value: Any) -> Incoming:
    try:
        return _incoming.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"]) or "message"
        raise InvalidInput(f"{where}: {complaint(found)}") from error


def _refusal(error: AdjutantError, request_id: str | None = None) -> dict[str, Any]:
    named = {"request_id": request_id} if request_id is not None else {}
    later = {"retry_after_s": error.retry_after_s} if error.retry_after_s is not None else {}
    return {
        "type": "error",
        **named,
        **later,
        "error": error.slug,
        "status": error.status,
        "detail": error.detail,
        "advice": error.advice,
    }
