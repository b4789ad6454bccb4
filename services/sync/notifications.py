"""From a provider's notification to the connections it concerns."""

from contracts.ids import ConnectionId
from contracts.sync import Hint, SyncReason, TakeNotification
from libs.db import Transaction
from services.sync import schedule


async def route(tx: Transaction, connection_id: ConnectionId, account_refs: tuple[str, ...]) -> bool:
    """Notifications about these accounts concern this connection; returns whether it was another account's before."""
    rows = await tx.fetch(
        "delete from notification_routes where connection_id = $1 and key like 'account:%' returning key", connection_id
    )
    await tx.executemany(
        "insert into notification_routes (key, connection_id) values ($1, $2) on conflict do nothing",
        [(f"account:{ref}", connection_id) for ref in account_refs],
    )
    known = {row["key"].removeprefix("account:") for row in rows}
    return bool(known and account_refs) and known.isdisjoint(account_refs)


async def take(tx: Transaction, notification: TakeNotification) -> int:
    """Make the connections concerned due; returns how many there are. One that nobody knows any more is dropped.

    A subscription that ended is forgotten, so that the next run begins another. Lost access shows itself when the run
    asks for a token: oauth decides, and tells the user.
    """
    key = f"watch:{notification.watch_id}" if notification.watch_id else f"account:{notification.account_ref}"
    rows = await tx.fetch("select connection_id from notification_routes where key = $1", key)
    if notification.hint is Hint.WATCH_ENDED and notification.watch_id:
        await tx.execute("delete from notification_routes where key = $1", key)
    return await schedule.wish(tx, [row["connection_id"] for row in rows], SyncReason.NOTIFICATION)
