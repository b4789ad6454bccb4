"""The user's inbox of notifications: looked into, and entries put aside.

Putting aside is all: what waits for the user's decision is decided by the user, never by a tool, and is not hidden from
them either.
"""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from contracts.ids import NotificationId
from contracts.notification import ListNotifications, MarkNotificationRead, NotificationView
from contracts.tool import Effect
from services.tool.arguments import Arguments, bounded
from services.tool.context import Context
from services.tool.errors import InvalidArguments, NotificationNotFound
from services.tool.registry import Tool
from services.tool.tools.names import Names, named
from services.tool.windows import rfc3339

MOST_LISTED = 200
DECIDED_BY_THE_USER = "approval"

EntryId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^n_[0-9a-f]{32}$")]


class NotificationsList(Arguments):
    """Which notifications."""

    unread: bool = Field(default=True, description="true: only unread ones; false: read ones too")
    limit: int = bounded(20, 1, 100, "At most so many, newest first")


class NotificationsResolve(Arguments):
    """Which notification."""

    notification_id: EntryId = Field(description="The id of a notification that notifications_list found")


class ShownNotification(BaseModel):
    """An entry of the inbox. `action` is what the user could do about it."""

    notification_id: str
    kind: str
    title: str
    text: str
    created_at: str
    unread: bool
    action: str | None
    provider: str | None


class ShownNotifications(BaseModel):
    """The newest first; `unread` counts all there are."""

    notifications: list[ShownNotification]
    unread: int


async def notifications_list(arguments: NotificationsList, context: Context) -> ShownNotifications:
    """The inbox."""
    found = await context.ask(ListNotifications(limit=MOST_LISTED))
    kept = [entry for entry in found.notifications if not (arguments.unread and entry.read)]
    shown = [_shown(entry, context) for entry in kept[: arguments.limit]]
    return ShownNotifications(notifications=shown, unread=found.unread)


async def notifications_resolve(arguments: NotificationsResolve, context: Context) -> ShownNotification:
    """Put it aside as read. The same twice is once."""
    entry = await _entry(arguments, context)
    if entry is None:
        raise NotificationNotFound("There is no such notification among the newest.")
    if entry.kind == DECIDED_BY_THE_USER:
        raise InvalidArguments("This waits for the user's own decision, which they give where it is shown to them.")
    await context.ask(MarkNotificationRead(notification_id=entry.notification_id))
    return _shown(entry.model_copy(update={"read": True}), context)


async def find_resolved(arguments: NotificationsResolve, context: Context) -> ShownNotification | None:
    """The entry, if it is read; by whom makes no difference."""
    entry = await _entry(arguments, context)
    return _shown(entry, context) if entry is not None and entry.read else None


async def shown_entry(arguments: NotificationsResolve, context: Context) -> Names:
    """Which notification it is. Raises NotificationNotFound."""
    entry = await _entry(arguments, context)
    if entry is None:
        raise NotificationNotFound("There is no such notification among the newest.")
    return (named("Notification", entry.title),)


async def _entry(arguments: NotificationsResolve, context: Context) -> NotificationView | None:
    found = await context.ask(ListNotifications(limit=MOST_LISTED))
    wanted = NotificationId(arguments.notification_id)
    return next((entry for entry in found.notifications if entry.notification_id == wanted), None)


def _shown(entry: NotificationView, context: Context) -> ShownNotification:
    return ShownNotification(
        notification_id=entry.notification_id,
        kind=entry.kind,
        title=entry.title,
        text=entry.text,
        created_at=rfc3339(entry.created_at, context.tz),
        unread=not entry.read,
        action=entry.action,
        provider=entry.provider,
    )


NOTIFICATION_TOOLS = (
    Tool(
        name="notifications_list",
        description="List what the user was notified of: bookings, connections to renew, budgets, things that wait.",
        effect=Effect.READ,
        arguments=NotificationsList,
        run=notifications_list,
        needs=frozenset(),
        returns_untrusted_text=True,
    ),
    Tool(
        name="notifications_resolve",
        description="Put a notification of the user aside as read. It decides nothing that waits for the user.",
        effect=Effect.WRITE,
        arguments=NotificationsResolve,
        run=notifications_resolve,
        look_up=find_resolved,
        shown=shown_entry,
        needs=frozenset(),
        returns_untrusted_text=True,
    ),
)
