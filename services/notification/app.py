"""Notification, assembled."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.actions import ActionDecided, ActionProposed
from contracts.bookings import BookingAccepted, BookingCancelled, BookingMoved
from contracts.context import ProfileUpdated
from contracts.gateway import UserRegistered
from contracts.models import DeploymentRecovered, DeploymentWentDown
from contracts.network import NetworkMoved
from contracts.notification import ListNotifications, MarkNotificationRead
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.runs import RunEnded
from contracts.spending import BudgetThresholdReached
from contracts.sync import ApiQuotaNeared, SourceFailing
from contracts.tool import ExecutionFinished
from contracts.voice import VoiceSettingsUpdated
from libs.bus import answer, react
from libs.runtime import Resources, Service
from services.notification import handlers, operators
from services.notification.deps import Notification
from services.notification.settings import NotificationSettings

routes = (
    react(UserRegistered, handlers.greet_user),
    react(ConnectionEstablished, handlers.confirm_connection),
    react(ReauthorizationRequired, handlers.ask_to_reconnect),
    react(SourceFailing, handlers.report_failing_source),
    react(ApiQuotaNeared, handlers.warn_of_quota),
    react(ActionProposed, handlers.ask_for_approval),
    react(ActionDecided, handlers.settle_approval),
    react(BudgetThresholdReached, handlers.warn_of_budget),
    react(DeploymentWentDown, operators.tell_of_outage),
    react(DeploymentRecovered, operators.tell_of_recovery),
    react(ExecutionFinished, handlers.report_unknown),
    react(BookingAccepted, handlers.tell_of_booking),
    react(BookingMoved, handlers.tell_of_moved_booking),
    react(BookingCancelled, handlers.tell_of_cancelled_booking),
    react(NetworkMoved, handlers.tell_of_network),
    react(RunEnded, handlers.tell_of_run),
    react(ProfileUpdated, handlers.keep_timezone),
    react(VoiceSettingsUpdated, handlers.keep_telephone),
    answer(ListNotifications, handlers.list_notifications),
    answer(MarkNotificationRead, handlers.mark_notification_read),
)


@asynccontextmanager
async def open_notification(resources: Resources[NotificationSettings]) -> AsyncIterator[Notification]:
    """Notification needs its schema, the bus, and the vault for what it says."""
    async with TaskGroup() as background:
        yield Notification(
            db=resources.db,
            bus=resources.bus,
            vault=resources.vault,
            background=background,
            page_limit=resources.settings.page_limit,
        )


service = Service(name="notification", settings=NotificationSettings, routes=routes, open=open_notification)
