"""The tables of schema `sync`.

Everything that belongs to a person is hidden from everybody else's session by row-level security. Two tables are open
to the whole service: the schedule and the routes of notifications are read before it is known whom they concern; they
hold ids and moments, nothing else.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("sync")


def _owner(name: str) -> Any:
    """The owner columns fill themselves from the session, so that no statement can name somebody else."""
    return Field(
        sa_type=Text,
        primary_key=True,
        sa_column_kwargs={"server_default": text(f"current_setting('adjutant.{name}')")},
    )


def _text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Field(sa_column=Column(Text, primary_key=primary_key, nullable=nullable))


def _moment(*, nullable: bool = False, **more: Any) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, **more))


def _count() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": text("0")})


class Source(Base, table=True):
    """One provider of one user that is kept in step; lives as long as its connection."""

    __tablename__ = "sources"
    __table_args__ = (CheckConstraint("enabled = (reason_disabled is null)", name="paused_for_a_reason"),)

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    provider: str = _text(primary_key=True)
    connection_id: str = _text()
    enabled: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    reason_disabled: str | None = _text(nullable=True)
    registered_at: datetime = _moment()
    connected_at: datetime = _moment()
    """When the connection was last made; a refusal older than this says nothing about it."""


class Stream(Base, table=True):
    """A part of a source with its own cursor. While `listing`, rows of older generations await their fate."""

    __tablename__ = "streams"

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    provider: str = _text(primary_key=True)
    stream: str = _text(primary_key=True)
    name: str = _text()
    cursor: str | None = _text(nullable=True)
    generation: int = _count()
    listing: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    listed_since: datetime | None = _moment(nullable=True)
    listed_at: datetime | None = _moment(nullable=True)
    succeeded_at: datetime | None = _moment(nullable=True)
    error: str | None = _text(nullable=True)
    """Slug of what went wrong at the last attempt."""
    watch_refused_at: datetime | None = _moment(nullable=True)
    """When the provider last would not let it be watched."""


class Activity(Base, table=True):
    """One thing at a provider, once. Title, actor, address and metadata are sealed: purpose `activity`, row
    `<provider>:<external id>`. Not partitioned: that an item exists once is worth more than dropping months whole."""

    __tablename__ = "activities"
    __table_args__ = (
        Index("ix_activities_newest", "user_id", text("at desc"), "provider", "external_id"),
        Index("ix_activities_stream", "user_id", "provider", "stream", "generation"),
        Index("ix_activities_age", "at"),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    provider: str = _text(primary_key=True)
    external_id: str = _text(primary_key=True)
    stream: str = _text()
    kind: str = _text()
    at: datetime = _moment()
    ends_at: datetime | None = _moment(nullable=True)
    people: int = _count()
    """Others who take part, for the statistics."""
    version: str = _text()
    generation: int
    details: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    recorded_at: datetime = _moment(server_default=text("now()"))


class Leftover(Base, table=True):
    """A provider whose activities are over and wait to be deleted; nobody is shown them."""

    __tablename__ = "leftovers"

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    provider: str = _text(primary_key=True)
    since: datetime = _moment(server_default=text("now()"))


class SyncRun(Base, table=True):
    """One attempt; kept for ninety days."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        CheckConstraint("outcome in ('success', 'partial', 'failed')", name="outcome"),
        CheckConstraint("(outcome is null) = (finished_at is null)", name="finished"),
        Index("ix_sync_runs_newest", "user_id", text("started_at desc")),
        Index("ix_sync_runs_age", "started_at"),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    run_id: str = _text(primary_key=True)
    connection_id: str = _text()
    provider: str = _text()
    reason: str = _text()
    outcome: str | None = _text(nullable=True)
    error: str | None = _text(nullable=True)
    items: int = _count()
    gone: int = _count()
    calls: int = _count()
    started_at: datetime = _moment()
    finished_at: datetime | None = _moment(nullable=True)


class Watch(Base, table=True):
    """A subscription at a provider that tells us of changes."""

    __tablename__ = "watches"
    __table_args__ = (UniqueConstraint("organization_id", "user_id", "provider", "stream", name="uq_watches_stream"),)

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    watch_id: str = _text(primary_key=True)
    connection_id: str = _text()
    provider: str = _text()
    stream: str = _text()
    remote_id: str = _text()
    resource: str = _text()
    expires_at: datetime | None = _moment(nullable=True)


class Schedule(Base, table=True):
    """When a connection is synced next, and who does it now. Read across users; holds ids and moments only."""

    __tablename__ = "schedule"
    __table_args__ = (Index("ix_schedule_due", "due_at"),)

    connection_id: str = _text(primary_key=True)
    organization_id: str = _text()
    user_id: str = _text()
    provider: str = _text()
    due_at: datetime = _moment()
    not_before: datetime | None = _moment(nullable=True)
    """The end of a pause that the provider asked for: no wish comes before it."""
    reason: str = _text()
    asked_at: datetime | None = _moment(nullable=True)
    """The last wish for a run; one that came after a run began makes it due again."""
    began_at: datetime | None = _moment(nullable=True)
    running_until: datetime | None = _moment(nullable=True)
    """The lease of the replica that runs it."""
    fence: int = _count()
    failures: int = _count()
    """Failed runs in a row."""


class NotificationRoute(Base, table=True):
    """Which connections a provider's notification concerns: `watch:<id>` or `account:<account ref>`."""

    __tablename__ = "notification_routes"

    key: str = _text(primary_key=True)
    connection_id: str = _text(primary_key=True)
