"""The assistant as a model of OpenAI's API: `model: "adjutant"` is a turn, with its tools, for any client.

Such a client keeps the conversation itself and sends it along each time. The turn answers with that in mind; it is also
kept here, one conversation for all turns of a day that begin with the same message.
"""

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Send

from contracts.chat import Earlier
from contracts.ids import ConversationId
from libs.resilience.errors import InvalidInput, Unavailable
from services.gateway.openai_errors import error_body
from services.gateway.turn_response import SSE, TurnResponse
from services.gateway.turn_start import FollowedTurn
from services.gateway.turn_stream import Sink
from services.gateway.turns import AskedTurn
from services.gateway.updates import Update

NAME = "adjutant"
MOST_CHARACTERS = 200_000
"""Of earlier messages, the newest; a turn shows a model less than that anyway."""
STARTED_AGAIN = "\n\n(The answer starts again; what was written so far is void.)\n\n"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: Literal["text"]
    text: str


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    messages: Annotated[list[_Message], Field(min_length=1, max_length=1_000)]
    tools: list[Any] | None = None


def read(body: bytes) -> AskedTurn:
    """The last message is asked, the others are what was said before. Raises InvalidInput."""
    try:
        asked = _Asked.model_validate_json(body)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InvalidInput(f"{place}: {error.errors()[0]['msg']}. `{NAME}` takes messages of text.") from None
    if asked.tools:
        raise InvalidInput(f"`{NAME}` has tools of its own; for yours, ask another model.")
    *earlier, last = asked.messages
    if last.role != "user" or not last.text.strip():
        raise InvalidInput("The last message has to be the user's, and not empty.")
    return AskedTurn(text=last.text, earlier=_newest(earlier))


def conversation_for(asked: AskedTurn, user_id: str) -> ConversationId:
    """The same for all turns of one day (UTC) whose conversation begins with the same message."""
    begins = next((said.text for said in asked.earlier if said.role == "user"), asked.text)
    day = datetime.now(UTC).date().isoformat()
    digest = hashlib.sha256("\0".join((user_id, day, begins)).encode("utf-8", "surrogatepass")).hexdigest()
    return ConversationId(f"c_{digest[:32]}")


def _newest(messages: list[_Message]) -> tuple[Earlier, ...]:
    """A program's instructions are its user's words: they were sent with the user's key."""
    room, kept = MOST_CHARACTERS, list[Earlier]()
    for message in reversed(messages):
        room -= len(message.text)
        if room < 0:
            break
        if message.text:
            kept.append(Earlier(role="assistant" if message.role == "assistant" else "user", text=message.text))
    return tuple(reversed(kept))


class ChunkSink:
    """Updates as chunks of a chat completion. Steps are not shown: OpenAI's format has no place for them."""

    def __init__(self, send: Send, turn: FollowedTurn, request_id: str, *, has_usage: bool) -> None:
        self._send, self._request_id, self._has_usage = send, request_id, has_usage
        self._head = _head(turn, "chat.completion.chunk")
        self._is_first = True

    async def write(self, update: Update, body: bytes) -> None:
        """What an update adds to the text, and the end."""
        if update.type == "token":
            await self._chunk({"content": update.text})
        elif update.type == "turn.restarted" and not self._is_first:
            await self._chunk({"content": STARTED_AGAIN})
        elif update.type in ("turn.completed", "turn.stopped"):
            await self._chunk({}, "stop")
            if self._has_usage:
                await self._event({**self._head, "choices": [], "usage": _usage(update)})
            await self._tell(b"data: [DONE]\n\n")
        elif update.final:
            detail = update.detail or "The turn failed."
            await self._event(error_body(update.error or "turn_failed", 503, detail, self._request_id))
            await self._tell(b"data: [DONE]\n\n")

    async def ping(self) -> None:
        """A comment, which clients ignore and proxies see."""
        await self._tell(b": ping\n\n")

    async def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> None:
        if self._is_first:
            delta, self._is_first = {"role": "assistant", **delta}, False
        await self._event({**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    async def _event(self, content: dict[str, Any]) -> None:
        await self._tell(b"data: %b\n\n" % msgspec.json.encode(content))

    async def _tell(self, event: bytes) -> None:
        await self._send({"type": "http.response.body", "body": event, "more_body": True})


class AssistantResponse(TurnResponse):
    """The turn, streamed as OpenAI's clients expect it."""

    def __init__(self, turn: FollowedTurn, request_id: str, *, has_usage: bool) -> None:
        super().__init__(turn, SSE)
        self._made: Callable[[Send], Sink] = lambda send: ChunkSink(send, turn, request_id, has_usage=has_usage)

    def sink(self, send: Send) -> Sink:
        """Chunks."""
        return self._made(send)


class _Whole:
    """Gathers a turn."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.last: Update | None = None

    async def write(self, update: Update, body: bytes) -> None:
        if update.type == "token":
            self.text.append(update.text or "")
        elif update.type == "turn.restarted":
            self.text.clear()
        if update.final:
            self.last = update

    async def ping(self) -> None:
        """Nobody reads before it is whole."""


async def whole(turn: FollowedTurn) -> bytes:
    """The completion as JSON. Raises Unavailable when the turn failed."""
    gathered = _Whole()
    await turn.follow(gathered)
    last = gathered.last
    if last is None or last.type not in ("turn.completed", "turn.stopped"):
        raise Unavailable((last.detail if last else None) or "The turn failed.")
    message = {"role": "assistant", "content": "".join(gathered.text)}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return json.dumps({**_head(turn, "chat.completion"), "choices": [choice], "usage": _usage(last)}).encode()


def _head(turn: FollowedTurn, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{turn.stream.turn_id}", "object": kind, "created": int(time.time()), "model": NAME}


def _usage(update: Update) -> dict[str, int]:
    read_, written = update.input_tokens or 0, update.output_tokens or 0
    return {"prompt_tokens": read_, "completion_tokens": written, "total_tokens": read_ + written}
