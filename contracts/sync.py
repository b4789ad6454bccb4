"""Keeping a copy of what providers hold: sources, runs, activities, and providers' notifications."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self

from contracts.envelope import Command, Event, Live, Query, Reply, Service
from contracts.ids import ConnectionId
from contracts.usage import ApiUsages

_CONNECTION = ConnectionId("cn_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class SyncOutcome(StrEnum):
    """How a run ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    """Something arrived and is kept; something else did not."""
    FAILED = "failed"


class SyncReason(StrEnum):
    """Why a run began."""

    CONNECTED = "connected"
    SCHEDULE = "schedule"
    MANUAL = "manual"
    NOTIFICATION = "notification"
    RETRY = "retry"


class StreamView(Reply):
    """A part of a source that is kept in step by itself: a folder, a calendar, a channel, a repository."""

    stream: str
    name: str
    """Outsiders' text."""
    last_success_at: datetime | None = None
    error: str | None = None
    """Slug of what went wrong at the last attempt; absent after a success."""
    items: int = 0
    """Activities in the copy."""
    resyncing: bool = False
    """It is being listed whole, for the first time or again."""


class SourceView(Reply):
    """One connected provider and how well its copy is kept."""

    provider: str
    enabled: bool
    registered_at: datetime
    reason_disabled: str | None = None
    running: bool = False
    last_outcome: SyncOutcome | None = None
    last_error: str | None = None
    """Slug of what went wrong last; absent after a success."""
    last_finished_at: datetime | None = None
    next_at: datetime | None = None
    failures: int = 0
    """Failed runs in a row."""
    items: int = 0
    """Activities in the copy."""
    streams: tuple[StreamView, ...] = ()
    """At most 200, by name; those that failed first."""


class SyncStatus(Reply):
    """All sources of a user."""

    sources: tuple[SourceView, ...]


class SyncStarted(Reply):
    """What a wish to sync now came to; `started` is false when a run is under way or has just been."""

    provider: str
    started: bool


class SyncRunView(Reply):
    """One attempt, as the log keeps it."""

    run_id: str
    provider: str
    reason: SyncReason
    outcome: SyncOutcome | None = None
    """Absent while it runs."""
    error: str | None = None
    items: int = 0
    gone: int = 0
    calls: int = 0
    """Requests to the provider."""
    started_at: datetime
    finished_at: datetime | None = None


class SyncLog(Reply):
    """Attempts, newest first."""

    runs: tuple[SyncRunView, ...]


class GetSyncStatus(Query[SyncStatus]):
    """Which sources there are, how they are, and what is paused, and why."""

    subject: ClassVar[str] = "rpc.sync.get_sync_status.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SyncStatus

    @classmethod
    def example(cls) -> Self:
        return cls()


class StartSync(Query[SyncStarted]):
    """Sync this provider now. Refused with `source_not_found` when it is not connected."""

    subject: ClassVar[str] = "rpc.sync.start_sync.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SyncStarted

    provider: str

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail")


class AllSyncsStarted(Reply):
    """The providers that are due now, and those that run already or have just been."""

    started: tuple[str, ...]
    not_started: tuple[str, ...]


class StartAllSyncs(Query[AllSyncsStarted]):
    """Sync everything that is connected now."""

    subject: ClassVar[str] = "rpc.sync.start_all_syncs.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = AllSyncsStarted

    @classmethod
    def example(cls) -> Self:
        return cls()


class WatchesEnded(Reply):
    """Subscriptions at the provider that are no more, and those that could not be ended in time."""

    ended: int
    left: int


class EndWatches(Query[WatchesEnded]):
    """The connection to this provider is about to end: end its subscriptions while there is a token. Answered within
    three seconds, whatever the provider does."""

    subject: ClassVar[str] = "rpc.sync.end_watches.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.OAUTH,)
    reply: ClassVar[type[Reply]] = WatchesEnded

    provider: str

    @classmethod
    def example(cls) -> Self:
        return cls(provider="github")


class ListSyncRuns(Query[SyncLog]):
    """The last attempts, of one provider or of all."""

    subject: ClassVar[str] = "rpc.sync.list_sync_runs.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SyncLog

    provider: str | None = None
    limit: int = 20

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail")


class GetSyncApiUsage(Query[ApiUsages]):
    """How often sync asked providers for this user, by day; both days included."""

    subject: ClassVar[str] = "rpc.sync.get_sync_api_usage.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ApiUsages

    start: date
    end: date

    @classmethod
    def example(cls) -> Self:
        return cls(start=date(2026, 11, 1), end=date(2026, 11, 30))


class SyncSource(Command):
    """Bring the copy of one connection up to date. Redelivered until it ended; two at once become one."""

    subject: ClassVar[str] = "cmd.sync.sync_source.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.SYNC,)

    connection_id: ConnectionId
    provider: str
    reason: SyncReason

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_CONNECTION, provider="gmail", reason=SyncReason.SCHEDULE)


class ForgetActivities(Command):
    """An account was disconnected: delete what was copied from it, in bounded transactions."""

    subject: ClassVar[str] = "cmd.sync.forget_activities.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.SYNC,)

    provider: str

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail")


class Hint(StrEnum):
    """Why a provider got in touch."""

    CHANGED = "changed"
    """Something is new, different or gone: fetch."""
    WATCH_ENDED = "watch_ended"
    """The subscription is no more, or will not be renewed by itself: subscribe again, and fetch what was missed."""
    ACCESS_ENDED = "access_ended"
    """The user took the permission back at the provider, or has to renew it."""


class TakeNotification(Command):
    """A provider's verified notification. It is a hint only: what is true is read from the provider's API.

    Sent by the gateway in the transaction that records the delivery, before the provider is answered. Exactly one of
    `watch_id` and `account_ref` says whom it concerns.
    """

    subject: ClassVar[str] = "cmd.sync.take_notification.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    provider: str
    hint: Hint
    received_at: datetime
    watch_id: str | None = None
    """Which of our subscriptions spoke."""
    account_ref: str | None = None
    """Which account or workspace it is about, as `libs.providers.account_ref` writes it; several users may share it."""
    stream: str | None = None
    """The stream that changed, where the notification names it."""

    @classmethod
    def example(cls) -> Self:
        return cls(
            provider="calendar",
            hint=Hint.CHANGED,
            received_at=_MOMENT,
            watch_id="w_0193b0f1a8c07d3e9f00112233445566",
        )


class SourceRegistered(Event):
    """A connected provider is now a source."""

    subject: ClassVar[str] = "evt.sync.source.registered.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    provider: str
    registered_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", registered_at=_MOMENT)


class ActivityRecorded(Event):
    """A page of changes is in the copy: how many things came or changed, and how many went."""

    subject: ClassVar[str] = "evt.sync.activity.recorded.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    provider: str
    stream: str
    recorded: int
    gone: int

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", stream="mailbox", recorded=12, gone=1)


class ActivityGone(Event):
    """Things that are no more where they were at the provider, or no more the user's to see; at most 500 at a time.

    What only moved may come back. Not sent for what is too old to be copied, nor when the connection ends:
    `ConnectionRemoved` says that of all.
    """

    subject: ClassVar[str] = "evt.sync.activity.gone.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    provider: str
    refs: tuple[str, ...]
    """As `libs.providers.activity_ref` writes them."""

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", refs=("5d41402abc4b2a76b9719d911017c592",))


class SourceFailing(Event):
    """Three runs in a row have failed; sent once until a run succeeds."""

    subject: ClassVar[str] = "evt.sync.source.failing.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    connection_id: ConnectionId
    provider: str
    error: str
    since: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_CONNECTION, provider="gmail", error="provider_unavailable", since=_MOMENT)


class ApiQuotaNeared(Event):
    """A provider was asked so often for this user today that `percent` (80, 100) of the operator's quota is used; once
    a day each."""

    subject: ClassVar[str] = "evt.sync.api_quota.neared.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    provider: str
    day: date
    percent: int
    quota: int

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", day=date(2026, 11, 24), percent=80, quota=20_000)


class SyncProgress(Live):
    """A run began, went on, or ended; the id is the user's."""

    subject: ClassVar[str] = "live.sync"
    sent_by: ClassVar[Service] = Service.SYNC
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    provider: str
    state: Literal["running", "success", "partial", "failed"]
    items: int = 0
    error: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", state="running", items=40)
