"""What notification does when something arrives."""

from datetime import UTC, datetime

from contracts.actions import ActionDecided, ActionProposed
from contracts.bookings import BookingAccepted, BookingCancelled, BookingMoved
from contracts.context import ProfileUpdated
from contracts.gateway import UserRegistered
from contracts.network import NetworkMoved
from contracts.notification import Inbox, ListNotifications, MarkedRead, MarkNotificationRead
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.runs import RunEnded
from contracts.spending import BudgetThresholdReached
from contracts.sync import ApiQuotaNeared, SourceFailing
from contracts.tool import ExecutionFinished
from contracts.voice import VoiceSettingsUpdated
from libs.bus import Call
from libs.db import Transaction
from services.notification import inbox, recipients, wording
from services.notification.delivery import announce_read, tell
from services.notification.deps import Notification


async def greet_user(event: UserRegistered, tx: Transaction, deps: Notification) -> None:
    """Somebody joined: note where they are, and say what to do first."""
    await recipients.start(tx, event.timezone)
    await tell(tx, deps, wording.welcome())


async def confirm_connection(event: ConnectionEstablished, tx: Transaction, deps: Notification) -> None:
    """A provider is connected: what asked for that is settled."""
    settled = await inbox.settle(tx, "reconnect", event.provider, datetime.now(UTC))
    await announce_read(tx, settled)
    await tell(tx, deps, wording.connected(event))


async def ask_to_reconnect(event: ReauthorizationRequired, tx: Transaction, deps: Notification) -> None:
    """Only the user can mend a refused connection."""
    await tell(tx, deps, wording.reconnect(event))


async def report_failing_source(event: SourceFailing, tx: Transaction, deps: Notification) -> None:
    """A copy that has not been kept up for a while is no copy; connecting again may help."""
    await tell(tx, deps, wording.failing(event))


async def warn_of_budget(event: BudgetThresholdReached, tx: Transaction, deps: Notification) -> None:
    """A month's money is running out."""
    await tell(tx, deps, wording.budget(event))


async def warn_of_quota(event: ApiQuotaNeared, tx: Transaction, deps: Notification) -> None:
    """Somebody should know before the provider says no."""
    await tell(tx, deps, wording.api_quota(event))


async def report_unknown(event: ExecutionFinished, tx: Transaction, deps: Notification) -> None:
    """An effect whose outcome nobody knows goes to a person; the others speak for themselves."""
    if event.status == "unknown":
        await tell(tx, deps, wording.effect_unknown(event))


async def ask_for_approval(event: ActionProposed, tx: Transaction, deps: Notification) -> None:
    """The assistant wants to do something, and waits for a word."""
    await tell(tx, deps, wording.approval(event, await recipients.zone(tx)))


async def settle_approval(event: ActionDecided, tx: Transaction, deps: Notification) -> None:
    """It was decided: nothing waits any more."""
    await announce_read(tx, await inbox.settle_about(tx, "approval", event.action_id, datetime.now(UTC)))


async def tell_of_booking(event: BookingAccepted, tx: Transaction, deps: Notification) -> None:
    """An outsider booked."""
    await tell(tx, deps, wording.booked(event, await recipients.zone(tx)))


async def tell_of_moved_booking(event: BookingMoved, tx: Transaction, deps: Notification) -> None:
    """An outsider comes at another time."""
    await tell(tx, deps, wording.booking_moved(event, await recipients.zone(tx)))


async def tell_of_cancelled_booking(event: BookingCancelled, tx: Transaction, deps: Notification) -> None:
    """An outsider does not come; what the owner cancels, the owner knows."""
    if event.by == "guest":
        await tell(tx, deps, wording.booking_cancelled(event, await recipients.zone(tx)))


async def tell_of_network(event: NetworkMoved, tx: Transaction, deps: Notification) -> None:
    """A step between two users; each of them is told in their own name."""
    await tell(tx, deps, wording.network_moved(event, await recipients.zone(tx)))


async def tell_of_run(event: RunEnded, tx: Transaction, deps: Notification) -> None:
    """A run ended, or stopped, and nobody was there."""
    await tell(tx, deps, wording.run_ended(event))


async def keep_timezone(event: ProfileUpdated, tx: Transaction, deps: Notification) -> None:
    """Quiet hours follow the user's clock."""
    await recipients.set_timezone(tx, event.timezone)


async def keep_telephone(event: VoiceSettingsUpdated, tx: Transaction, deps: Notification) -> None:
    """Nobody is called or texted who did not allow it."""
    await recipients.set_telephone(tx, may_call=event.answer_calls, may_text=event.send_sms)


async def list_notifications(query: ListNotifications, call: Call, deps: Notification) -> Inbox:
    """The caller's inbox, newest first."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await inbox.newest(tx, deps.vault, max(1, min(query.limit, deps.page_limit)))


async def mark_notification_read(query: MarkNotificationRead, call: Call, deps: Notification) -> MarkedRead:
    """The caller saw an entry."""
    async with deps.db.transaction(call.require_scope()) as tx:
        changed = await inbox.mark_read(tx, query.notification_id, datetime.now(UTC))
        if changed:
            await announce_read(tx, (query.notification_id,))
    return MarkedRead(changed=changed)
