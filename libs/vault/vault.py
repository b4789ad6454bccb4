"""The vault of one service: its users' data keys, made on first use, cached for a minute, erased for good."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable

from contracts.envelope import Scope
from libs.db.transaction import Row, Transaction
from libs.vault.master_keys import MasterKeys
from libs.vault.user_keys import KEY_ID_BYTES, UserKey

CACHE_S = 60.0
"""How long another replica may still open an erased user's data."""
CACHE_USERS = 10_000


class Vault:
    """Data keys by transaction scope. Shows nothing when printed."""

    def __init__(self, keys: MasterKeys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._cache: OrderedDict[tuple[str, Scope], tuple[float, UserKey]] = OrderedDict()
        self._erasures = 0

    async def user_key(self, tx: Transaction) -> UserKey:
        """The key of `tx.scope`, created on first use. Needs the table of `libs.db.ddl.create_data_keys`."""
        scope = tx.require_scope()
        place = tx.schema, scope
        if cached := self._cached(place):
            return cached
        erasures = self._erasures
        rows = await tx.fetch(_SELECT, scope.organization_id, scope.user_id)
        if rows or tx.read_only:
            key = self._unwrapped(scope, rows)
            if rows and erasures == self._erasures:
                self._remember(place, key)
            return key
        await self._create(tx)
        # A neighbour may have been faster; then its key is the one that counts.
        key = self._unwrapped(scope, await tx.fetch(_SELECT, scope.organization_id, scope.user_id))
        tx.after_commit(lambda: self._remember(place, key) if erasures == self._erasures else None)
        return key

    def known_key(self, schema: str, scope: Scope) -> UserKey | None:
        """The key if it was read lately; for work that would need a transaction for nothing else."""
        return self._cached((schema, scope))

    async def erase(self, tx: Transaction) -> bool:
        """Destroy the key of `tx.scope` in this schema: what it sealed is unreadable for ever, backups of rows too.

        Returns whether there was one. Other replicas may still open for CACHE_S; backups that hold the key itself
        and the master key are the operator's to expire.
        """
        scope = tx.require_scope()
        place = tx.schema, scope
        self._forget(place)
        tx.after_commit(lambda: self._forget(place))
        return await tx.execute(_DELETE, scope.organization_id, scope.user_id) != "DELETE 0"

    async def rewrap(self, owner_tx: Transaction, *, limit: int = 500) -> int:
        """Wrap up to `limit` data keys anew that an earlier master key wraps; returns how many. Call until it is 0.

        The transaction belongs to the migrating owner, who alone sees every user's row. Sealed rows stay as they are.
        """
        rows = await owner_tx.fetch(_SELECT_STALE, self._keys.current_id, limit)
        for row in rows:
            context = row["organization_id"], row["user_id"], row["id"]
            data_key = self._keys.unwrap(row["master_key_id"], row["wrapped"], context)
            master_key_id, wrapped = self._keys.wrap(data_key, context)
            await owner_tx.execute(_REWRAP, row["organization_id"], row["user_id"], row["id"], master_key_id, wrapped)
        return len(rows)

    async def _create(self, tx: Transaction) -> None:
        scope = tx.require_scope()
        key_id = os.urandom(KEY_ID_BYTES)
        context = scope.organization_id, scope.user_id, key_id
        master_key_id, wrapped = self._keys.wrap(os.urandom(32), context)
        await tx.execute(_INSERT, scope.organization_id, scope.user_id, key_id, master_key_id, wrapped)

    def _unwrapped(self, scope: Scope, rows: list[Row]) -> UserKey:
        owner = scope.organization_id, scope.user_id
        unwrap = self._keys.unwrap
        return UserKey(scope, {r["id"]: unwrap(r["master_key_id"], r["wrapped"], (*owner, r["id"])) for r in rows})

    def _cached(self, place: tuple[str, Scope]) -> UserKey | None:
        until, key = self._cache.get(place, (0.0, None))
        return key if until > self._clock() else None

    def _remember(self, place: tuple[str, Scope], key: UserKey) -> None:
        self._cache[place] = self._clock() + CACHE_S, key
        self._cache.move_to_end(place)
        if len(self._cache) > CACHE_USERS:
            self._cache.popitem(last=False)

    def _forget(self, place: tuple[str, Scope]) -> None:
        # The count makes a read that began before the erasure leave its answer out of the cache.
        self._erasures += 1
        self._cache.pop(place, None)

    def __repr__(self) -> str:
        return "Vault(…)"


_SELECT = """
select id, master_key_id, wrapped from data_keys where organization_id = $1 and user_id = $2 order by version
"""
_DELETE = "delete from data_keys where organization_id = $1 and user_id = $2"
_INSERT = """
insert into data_keys (organization_id, user_id, id, version, master_key_id, wrapped)
values ($1, $2, $3, 1, $4, $5) on conflict do nothing
"""
_SELECT_STALE = """
select organization_id, user_id, id, master_key_id, wrapped from data_keys
where master_key_id <> $1 limit $2 for update skip locked
"""
_REWRAP = """
update data_keys set master_key_id = $4, wrapped = $5 where organization_id = $1 and user_id = $2 and id = $3
"""
