"""The tables of schema `context`; everything here belongs to one user and is hidden from all others.

The owner columns fill themselves from the session, so that no statement can name somebody else.
"""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, DateTime, Double, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("context")


def _owner(setting: str) -> Column[str]:
    return Column(Text, primary_key=True, server_default=text(f"current_setting('adjutant.{setting}')"))


class Profile(Base, table=True):
    """What a user told about themselves; one row a user. The name is sealed, purpose `display_name`."""

    __tablename__ = "profiles"

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    display_name_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    timezone: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ConnectedProvider(Base, table=True):
    """A provider the user connected; gone with the connection.

    `connection_id` is absent for as long as only sync has spoken of the provider: two senders have no order.
    """

    __tablename__ = "connected_providers"

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    provider: str = Field(sa_column=Column(Text, primary_key=True))
    connection_id: str | None = Field(default=None, sa_column=Column(Text))
    synced_since: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    changed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """When sync last recorded something of it."""


class NoticeState(Base, table=True):
    """Whether a notification is still open; kept here so that a turn need not ask for it."""

    __tablename__ = "notice_states"

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    notification_id: str = Field(sa_column=Column(Text, primary_key=True))
    open: bool = Field(nullable=False)


class ConversationStatistics(Base, table=True):
    """The sums over one conversation's turns; gone with the conversation. `cost_micros` counts priced turns only."""

    __tablename__ = "conversation_statistics"
    __table_args__ = (CheckConstraint("turns > 0", name="has_turns"),)

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    conversation_id: str = Field(sa_column=Column(Text, primary_key=True))
    turns: int = Field(sa_column=Column(Integer, nullable=False))
    input_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))
    output_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))
    cost_micros: int = Field(sa_column=Column(BigInteger, nullable=False))
    duration_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class Memory(Base, table=True):
    """An entry of memory. Text, key and sources are sealed in `content`, purpose `memory`."""

    __tablename__ = "memories"
    __table_args__ = (
        CheckConstraint("importance between 0 and 1", name="importance_is_a_share"),
        CheckConstraint("cardinality(origins) > 0", name="cites_its_source"),
    )

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    memory_id: str = Field(sa_column=Column(Text, primary_key=True))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    importance: float = Field(sa_column=Column(Double, nullable=False))
    origins: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """By which it is found when a source goes: see `services.context.memory.origins`."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class MemoryGone(Base, table=True):
    """An entry's id, or an origin, that is no more: neither comes back with a request that is late or repeated."""

    __tablename__ = "memories_gone"

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    gone_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
