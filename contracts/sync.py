"""Keeping a copy of what providers hold. This release registers sources; fetching them comes next."""

from datetime import UTC, datetime
from typing import ClassVar, Self

from contracts.envelope import Event, Query, Reply, Service


class SourceView(Reply):
    """One provider that will be kept in sync."""

    provider: str
    enabled: bool
    registered_at: datetime
    reason_disabled: str | None = None


class SyncStatus(Reply):
    """All sources of a user."""

    sources: tuple[SourceView, ...]


class GetSyncStatus(Query[SyncStatus]):
    """Which sources are registered and which are paused, and why."""

    subject: ClassVar[str] = "rpc.sync.get_sync_status.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SyncStatus

    @classmethod
    def example(cls) -> Self:
        return cls()


class SourceRegistered(Event):
    """A connected provider is now a source."""

    subject: ClassVar[str] = "evt.sync.source.registered.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    provider: str
    registered_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", registered_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
