"""Turns: a message, what happens while it is answered, and how that ends."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from contracts.conversations import MessageView
from contracts.envelope import Command, Event, Live, Query, Reply, Service
from contracts.ids import ConversationId, MessageId, TurnId
from contracts.money import CostMicros

_TURN = TurnId("t_0193b0f1a8c07d3e9f00112233445566")
_CONVERSATION = ConversationId("c_0193b0f1a8c07d3e9f00112233445566")
_MESSAGE = MessageId("m_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

Specialization = Literal["negotiation", "scheduling", "memory", "coordination"]


class TurnStatus(StrEnum):
    """The life of a turn; the last three are final."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class Earlier(Reply):
    """A message that was said before, as the client has it."""

    role: Literal["user", "assistant"]
    text: str


class EarlierMessages(Reply):
    """Travels sealed in `RunTurn.sealed_earlier`; oldest first."""

    messages: tuple[Earlier, ...]


class Visitor(Reply):
    """An outsider who writes in the conversation of a booking link, and what that link shows them anyway.

    Travels sealed in `RunTurn.sealed_visitor`. `label`, `host_name`, `timezone` and `durations` are their owner's word;
    `name` and `address` are the outsider's: data.
    """

    label: str
    host_name: str | None = None
    timezone: str
    """The owner's."""
    durations: tuple[int, ...]
    """Minutes."""
    name: str | None = None
    address: str | None = None
    secret_hash: str | None = None
    """SHA-256 of the token of the conversation, which also moves and cancels what is booked in it."""


class RunTurn(Command):
    """Answer one user message. The turn id is the idempotency key; the text travels sealed.

    `sealed_text` is the user's message under `libs.vault.TransitSeal`, purpose `run_turn`: nothing
    personal lies readable in the stream.
    """

    subject: ClassVar[str] = "cmd.chat.run_turn.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    turn_id: TurnId
    conversation_id: ConversationId
    user_message_id: MessageId
    sealed_text: str
    accepted_at: datetime
    timezone: str | None = None
    """IANA name the client gave; the user's profile decides when absent."""
    tone: str | None = None
    assistant_name: str | None = None
    specialization: Specialization | None = None
    client_integrations: tuple[str, ...] = ()
    sealed_earlier: str | None = None
    """What was said before, for a client that keeps the conversation itself: JSON of `EarlierMessages`, sealed with
    purpose `run_turn`. Absent: the conversation's own record."""
    regenerates: TurnId | None = None
    """The turn whose question is asked again; it leaves the conversation once this one has an answer."""
    delegation_id: str | None = None
    """Set when the message is an outsider's who came by that link: nothing of the owner is known in such a turn, and
    it has the tools of that link only."""
    sealed_visitor: str | None = None
    """Who that is: JSON of `Visitor`, sealed with purpose `run_turn`."""
    by_program: bool = False
    """The message came with a key that may do no more than chat: what it asks for is not its user's own wish."""
    may_decide: bool = False
    """Whether whoever wrote the message may approve actions: a "yes" of theirs is the user's decision."""

    @model_validator(mode="after")
    def _conversations_are_kept_apart(self) -> Self:
        is_visit = self.delegation_id is not None
        if self.conversation_id.startswith("vc_") is not is_visit or (self.sealed_visitor is not None) is not is_visit:
            raise ValueError("an outsider's message belongs into a conversation of its own, and nobody else's does")
        return self

    @classmethod
    def example(cls) -> Self:
        return cls(
            turn_id=_TURN,
            conversation_id=_CONVERSATION,
            user_message_id=_MESSAGE,
            sealed_text="v1.AAAA",
            accepted_at=_MOMENT,
            timezone="Europe/Berlin",
        )


class StopTurn(Command):
    """The user pressed stop. Durable, so that a stop pressed before the turn starts is honoured too."""

    subject: ClassVar[str] = "cmd.chat.stop_turn.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    turn_id: TurnId

    @classmethod
    def example(cls) -> Self:
        return cls(turn_id=_TURN)


class TurnView(Reply):
    """Where a turn stands; what a client that lost the stream asks for."""

    turn_id: TurnId
    conversation_id: ConversationId
    status: TurnStatus
    answer: MessageView | None = None
    error: str | None = None
    """Error slug of a failed turn."""


class Question(Reply):
    """What a turn was asked; the text is sealed as in `RunTurn`."""

    conversation_id: ConversationId
    sealed_text: str


class GetQuestion(Query[Question]):
    """The question of a turn that may be answered anew: the last of its conversation, ended, without an effect.

    Refused with `turn_not_found`, or `turn_not_repeatable` and the reason.
    """

    subject: ClassVar[str] = "rpc.chat.get_question.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Question

    turn_id: TurnId

    @classmethod
    def example(cls) -> Self:
        return cls(turn_id=_TURN)


class GetTurn(Query[TurnView]):
    """The state of one turn. Error `turn_not_found`."""

    subject: ClassVar[str] = "rpc.chat.get_turn.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TurnView

    turn_id: TurnId

    @classmethod
    def example(cls) -> Self:
        return cls(turn_id=_TURN)


class TurnUpdate(Live):
    """One step of a running turn, published on `live.turn.<turn_id>` in order of `n`, without gaps.

    `n` counts from 1 within a turn and is what a client resumes by. A turn that another replica took
    over goes on counting and says `turn.restarted`: text seen so far is void. The chat service writes
    these with msgspec on the hot path; a test holds that encoding against this contract.
    """

    subject: ClassVar[str] = "live.turn"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.CHAT)

    n: int
    type: Literal[
        "turn.accepted",
        "turn.restarted",
        "step.started",
        "step.progress",
        "step.result",
        "step.ended",
        "multi_step.initiated",
        "multi_step.complete",
        "action.proposed",
        "token",
        "turn.completed",
        "turn.failed",
        "turn.stopped",
    ]
    conversation_id: str | None = None
    turn_id: str | None = None
    step_id: str | None = None
    name: str | None = None
    status: Literal["ok", "failed", "skipped"] | None = None
    text: str | None = None
    """Token text, progress sentence, step result, or the reason of a multi-step start."""
    confidence: float | None = None
    message_id: str | None = None
    engine: Literal["model", "offline"] | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    detail: str | None = None
    action_id: str | None = None
    """With `action.proposed`: what waits for the user's decision, or can be withdrawn for a moment."""

    @classmethod
    def example(cls) -> Self:
        return cls(n=7, type="token", text="You have ")


class TurnStop(Live):
    """Tells the replica that runs the turn to stop now; `live.turn_stop.<turn_id>`."""

    subject: ClassVar[str] = "live.turn_stop"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    turn_id: TurnId

    @classmethod
    def example(cls) -> Self:
        return cls(turn_id=_TURN)


class TurnCompleted(Event):
    """A turn ended, one way or another. Ids and figures only; the text stays in the chat schema."""

    subject: ClassVar[str] = "evt.chat.turn.completed.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    turn_id: TurnId
    conversation_id: ConversationId
    status: TurnStatus
    engine: Literal["model", "offline"] | None
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_micros: CostMicros | None
    """Absent when the price of the model is not known."""
    duration_ms: int

    @classmethod
    def example(cls) -> Self:
        return cls(
            turn_id=_TURN,
            conversation_id=_CONVERSATION,
            status=TurnStatus.COMPLETED,
            engine="model",
            model="gpt-5-mini",
            input_tokens=812,
            output_tokens=50,
            cost_micros=CostMicros(303),
            duration_ms=1840,
        )
