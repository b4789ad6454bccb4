"""What is left of an account that was disconnected: hidden at once, deleted a bounded bite at a time.

A marker is set in the transaction that ends the source; from then on nobody is shown these activities. A command
deletes them and goes on after a kill, because the marker goes with the last of them. A provider that is connected
again meanwhile is not read before that, so old rows and new ones never lie side by side.
"""

from collections.abc import Awaitable, Callable

from contracts.envelope import Scope
from contracts.sync import ForgetActivities
from libs.bus import publish
from libs.db import Database, Transaction

BITE = 5_000
"""Rows per transaction: each takes some tenths of a second, and holds nobody up."""

# A range of the primary key: a list of ids is compared with every row of the user while statistics are old (8 s a bite
# of 250,000 rows instead of 6 ms), and row security keeps PostgreSQL from finding rows by their ctid.
_DELETE = """
delete from activities
where organization_id = $1 and user_id = $2 and provider = $3 and external_id <= (
    select max(external_id) from (
        select external_id from activities where organization_id = $1 and user_id = $2 and provider = $3
        order by external_id limit $4) as bite)
"""


async def leave_behind(tx: Transaction, provider: str) -> None:
    """Everything that was copied from this provider is over."""
    await tx.execute("insert into leftovers (provider) values ($1) on conflict do nothing", provider)
    await publish(tx, ForgetActivities(provider=provider))


async def clear(
    db: Database, scope: Scope, provider: str, hold: Callable[[Transaction], Awaitable[None]] | None = None
) -> int:
    """Delete what is left of this provider; returns the number of rows. `hold` is part of each transaction."""
    total = 0
    while True:
        async with db.transaction(scope) as tx:
            if hold is not None:
                await hold(tx)
            if not await tx.fetchval("select true from leftovers where provider = $1 for update", provider):
                return total
            tag = await tx.execute(
                _DELETE,
                scope.organization_id,
                scope.user_id,
                provider,
                BITE,
            )
            gone = int(tag.split()[-1])
            total += gone
            if gone < BITE:
                await tx.execute("delete from leftovers where provider = $1", provider)
                return total
