"""Telling the user something they did not just ask for."""

from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Live, Query, Reply, Service
from contracts.ids import NotificationId

_NOTIFICATION = NotificationId("n_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

NotificationKind = Literal[
    "welcome",
    "connected",
    "reconnect",
    "effect_unknown",
    "api_quota",
    "budget",
    "booking",
    "approval",
    "network",
    "run",
]


class NotificationView(Reply):
    """One entry of the inbox."""

    notification_id: NotificationId
    kind: NotificationKind
    title: str
    text: str
    created_at: datetime
    read: bool
    action: Literal["reconnect"] | None = None
    provider: str | None = None


class Inbox(Reply):
    """The newest entries first."""

    notifications: tuple[NotificationView, ...]
    unread: int


class MarkedRead(Reply):
    """`changed` is false when it was read already."""

    changed: bool


class ListNotifications(Query[Inbox]):
    """The user's inbox."""

    subject: ClassVar[str] = "rpc.notification.list_notifications.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL)
    reply: ClassVar[type[Reply]] = Inbox

    limit: int = 50

    @classmethod
    def example(cls) -> Self:
        return cls()


class MarkNotificationRead(Query[MarkedRead]):
    """Error `notification_not_found`."""

    subject: ClassVar[str] = "rpc.notification.mark_notification_read.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL)
    reply: ClassVar[type[Reply]] = MarkedRead

    notification_id: NotificationId

    @classmethod
    def example(cls) -> Self:
        return cls(notification_id=_NOTIFICATION)


class NotificationCreated(Event):
    """A new entry lies in the inbox."""

    subject: ClassVar[str] = "evt.notification.notification.created.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    notification_id: NotificationId
    kind: NotificationKind
    created_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(notification_id=_NOTIFICATION, kind="reconnect", created_at=_MOMENT)


class NotificationRead(Event):
    """The user saw an entry."""

    subject: ClassVar[str] = "evt.notification.notification.read.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    notification_id: NotificationId

    @classmethod
    def example(cls) -> Self:
        return cls(notification_id=_NOTIFICATION)


class InboxUpdate(Live):
    """Wakes the user's open WebSockets; `live.inbox.<user_id>`. Ids only: the client asks for the text."""

    subject: ClassVar[str] = "live.inbox"
    sent_by: ClassVar[Service] = Service.NOTIFICATION
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    notification_id: NotificationId
    kind: NotificationKind

    @classmethod
    def example(cls) -> Self:
        return cls(notification_id=_NOTIFICATION, kind="reconnect")
