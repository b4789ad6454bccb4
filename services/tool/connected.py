"""Which providers a user can use, kept from oauth's events so that a turn does not wait for oauth.

A user whom this process has not met for a while is looked up at oauth: an event may still be on its way (the user
connected a moment ago, or this service was away).
"""

import time
from collections import OrderedDict
from datetime import datetime

from contracts.envelope import Scope
from contracts.ids import ConnectionId, UserId
from contracts.oauth import ConnectionStatus, ListConnections
from libs.bus import Bus
from libs.db import Database, Transaction

TRUSTED_S = 600.0
"""Events arrive within milliseconds; this bounds what a lost stream could hide."""
REMEMBERED = 10_000


class Connected:
    """One process's knowledge of whose rows it may trust."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._looked_up: OrderedDict[UserId, float] = OrderedDict()

    async def of(self, scope: Scope) -> frozenset[str]:
        """Providers that can be used now."""
        if time.monotonic() - self._looked_up.get(scope.user_id, -TRUSTED_S) < TRUSTED_S:
            async with self._db.reading(scope) as tx:
                return frozenset(row["provider"] for row in await tx.fetch("select provider from usable_connections"))
        found = await self._bus.ask(ListConnections(), scope=scope)
        usable = [c for c in found.connections if c.status is ConnectionStatus.ACTIVE]
        async with self._db.transaction(scope) as tx:
            for connection in usable:
                await add(tx, connection.provider, connection.connection_id, connection.connected_at)
        self._remember(scope.user_id)
        return frozenset(connection.provider for connection in usable)

    def _remember(self, user_id: UserId) -> None:
        self._looked_up[user_id] = time.monotonic()
        self._looked_up.move_to_end(user_id)
        if len(self._looked_up) > REMEMBERED:
            self._looked_up.popitem(last=False)


async def add(tx: Transaction, provider: str, connection_id: ConnectionId, now: datetime) -> None:
    """The user connected it, or connected it again."""
    await tx.execute(
        """insert into usable_connections (provider, connection_id, connected_at) values ($1, $2, $3)
           on conflict (organization_id, user_id, provider) do update
               set connection_id = excluded.connection_id, connected_at = excluded.connected_at
               where usable_connections.connected_at < excluded.connected_at""",
        provider,
        connection_id,
        now,
    )


async def remove(tx: Transaction, connection_id: ConnectionId, refused_at: datetime | None = None) -> None:
    """It is gone, or useless since `refused_at` unless it was connected again after that."""
    await tx.execute(
        """delete from usable_connections
           where connection_id = $1 and connected_at <= coalesce($2::timestamptz, 'infinity')""",
        connection_id,
        refused_at,
    )
