"""The tables of schema `notification`; everything here belongs to one user and is hidden from all others.

The owner columns fill themselves from the session, so that no statement can name somebody else.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("notification")


def _owner(setting: str) -> Column[str]:
    return Column(Text, primary_key=True, server_default=text(f"current_setting('adjutant.{setting}')"))


class Recipient(Base, table=True):
    """How a user may be reached: their timezone for quiet hours, and what they allow by telephone."""

    __tablename__ = "recipients"

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    timezone: str | None = Field(default=None, sa_column=Column(Text))
    may_call: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    may_text: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Entry(Base, table=True):
    """One entry of an inbox. Title and text are sealed together, purpose `notification`.

    `about` names what the entry is about (a connection, an execution, …): nobody is told a thing twice.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("organization_id", "user_id", "kind", "about", name="uq_notifications_about"),
        CheckConstraint("(action is null) or (provider is not null)", name="action_has_provider"),
        Index("ix_notifications_newest", "organization_id", "user_id", "created_at"),
    )

    organization_id: str = Field(sa_column=_owner("organization_id"))
    user_id: str = Field(sa_column=_owner("user_id"))
    notification_id: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    about: str = Field(sa_column=Column(Text, nullable=False))
    wording_sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    action: str | None = Field(default=None, sa_column=Column(Text))
    provider: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
