"""The tables of schema `chat`."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("chat")


def _owner(name: str) -> Any:
    return Field(
        sa_type=Text,
        primary_key=True,
        sa_column_kwargs={"server_default": text(f"current_setting('adjutant.{name}')")},
    )


def _moment(*, nullable: bool = False, primary_key: bool = False) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, primary_key=primary_key))


class Conversation(Base, table=True):
    """A thread of messages, until its owner deletes it. The title is sealed: purpose `title`, row the id."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("message_count >= 0", name="counts"),
        Index("ix_conversations_newest", "user_id", text("updated_at desc"), "conversation_id"),
        Index("ix_conversations_visits", "updated_at", postgresql_where=text("delegation_id is not null")),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    conversation_id: str = Field(sa_column=Column(Text, primary_key=True))
    title: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    delegation_id: str | None = Field(default=None, sa_column=Column(Text))
    """Set for a conversation with an outsider who came by that link: the owner's own are those without."""
    created_at: datetime = _moment()
    updated_at: datetime = _moment()
    message_count: int


class Message(Base, table=True):
    """One utterance; partitioned by month. The text is sealed: purpose `message`, row the message id."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("role in ('user', 'assistant')", name="role"),
        CheckConstraint("engine in ('model', 'offline')", name="engine"),
        Index("ix_messages_conversation", "user_id", "conversation_id", text("created_at desc"), "message_id"),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    message_id: str = Field(sa_column=Column(Text, primary_key=True))
    conversation_id: str = Field(sa_column=Column(Text, nullable=False))
    turn_id: str = Field(sa_column=Column(Text, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    engine: str | None = Field(default=None, sa_column=Column(Text))
    text: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = _moment(primary_key=True)
    action_id: str | None = Field(default=None, sa_column=Column(Text))
    """Of a message that shows an action: in its words there may be an outsider's, so no model gets to read it."""


class Turn(Base, table=True):
    """One user message and what answers it. Whoever holds the lease runs it; the fence counts the holders.

    A stop that came before the turn has made a row without conversation, with fence 0.
    """

    __tablename__ = "turns"
    __table_args__ = (
        CheckConstraint("status in ('accepted', 'running', 'completed', 'failed', 'stopped')", name="status"),
        CheckConstraint("(status in ('accepted', 'running')) = (finished_at is null)", name="finished_when_final"),
        CheckConstraint("fence >= 0", name="fence_counts"),
        Index("ix_turns_conversation", "user_id", "conversation_id"),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    turn_id: str = Field(sa_column=Column(Text, primary_key=True))
    conversation_id: str | None = Field(default=None, sa_column=Column(Text))
    status: str = Field(sa_column=Column(Text, nullable=False))
    stop_requested: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    fence: int
    lease_until: datetime = _moment()
    answer_id: str | None = Field(default=None, sa_column=Column(Text))
    engine: str | None = Field(default=None, sa_column=Column(Text))
    model: str | None = Field(default=None, sa_column=Column(Text))
    input_tokens: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    output_tokens: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    cost_micros: int | None = Field(default=None, sa_column=Column(BigInteger))
    error: str | None = Field(default=None, sa_column=Column(Text))
    acted: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """An effect was decided in it."""
    read_untrusted: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """It has read what outsiders wrote."""
    accepted_at: datetime = _moment()
    finished_at: datetime | None = _moment(nullable=True)


class TurnStep(Base, table=True):
    """What a running turn has decided or learnt, in order, so that its successor goes on from there.

    Sealed JSON, purpose `turn_step`, row `<turn id>:<n>`. A decision is written before it is carried out.
    """

    __tablename__ = "turn_steps"

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    turn_id: str = Field(sa_column=Column(Text, primary_key=True))
    n: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Followup(Base, table=True):
    """A conversation that waits to hear what became of an action; gone once that was said.

    The title is sealed with purpose `followup`, row the action's id.
    """

    __tablename__ = "followups"
    __table_args__ = (Index("ix_followups_conversation", "user_id", "conversation_id"),)

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    action_id: str = Field(sa_column=Column(Text, primary_key=True))
    conversation_id: str = Field(sa_column=Column(Text, nullable=False))
    turn_id: str = Field(sa_column=Column(Text, nullable=False))
    title: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    shown_in: str | None = Field(default=None, sa_column=Column(Text))
    """The turn that showed all of it last: a word in the next one decides."""
    place: int | None = Field(default=None, sa_column=Column(Integer))
    """Its number there, from 1."""
