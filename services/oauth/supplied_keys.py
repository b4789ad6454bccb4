"""API keys that people bring: kept sealed, replaced with an overlap, and every use by a service written down.

A key belongs to a user or to their organization; the latter's rows have the organization's own owner
(`Scope.shared`), so that row-level security and sealing treat both alike. A key that is replaced stays valid until it
retires: whoever was refused with the new one gets the old one, and nothing stops while a provider spreads a new key.
"""

from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.oauth import GetSuppliedKey, KeyOwner, KeyUse, StoreSuppliedKey, SuppliedKey, SuppliedKeyView
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.oauth import audit
from services.oauth.deps import OAuth
from services.oauth.errors import NoSuchKey, NotConnected

USES_SHOWN_DAYS = 30


def owner_of(scope: Scope, owner: KeyOwner) -> Scope:
    """Whose rows these are."""
    return scope.shared() if owner is KeyOwner.ORGANIZATION else scope


async def store(query: StoreSuppliedKey, secret: str, scope: Scope, deps: OAuth) -> SuppliedKeyView:
    """Keep a key that its provider has accepted; the one before it retires after the overlap."""
    now, key_id = datetime.now(UTC), new_id("sk")
    async with deps.db.transaction(owner_of(scope, query.belongs_to)) as tx:
        key = await deps.vault.user_key(tx)
        # Two people replacing the same key at once: one waits for the other, and there is one current key after both.
        turnstile = f"supplied key {tx.require_scope().user_id} {query.provider}"
        await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", turnstile)
        replaced = await tx.fetchval(
            "update supplied_keys set retires_at = $2 where provider = $1 and retires_at is null returning key_id",
            query.provider,
            now + timedelta(hours=query.overlap_h),
        )
        row = await tx.fetchrow(
            """insert into supplied_keys (key_id, provider, label, secret, created_at)
               values ($1, $2, $3, $4, $5) returning *""",
            key_id,
            query.provider,
            query.label,
            key.seal("supplied_key", key_id, secret.encode()),
            now,
        )
        await audit.record(tx, query.provider, "key_replaced" if replaced else "key_stored", key_id)
        assert row is not None
        return _view(row, query.belongs_to, key, ())


async def listed(scope: Scope, deps: OAuth) -> tuple[SuppliedKeyView, ...]:
    """The user's keys and the organization's, each with its uses of the last month."""
    found: list[SuppliedKeyView] = []
    for owner in KeyOwner:
        async with deps.db.transaction(owner_of(scope, owner)) as tx:
            await _forget_retired(tx)
            key = await deps.vault.user_key(tx)
            rows = await tx.fetch("select * from supplied_keys order by provider, created_at desc")
            uses = await tx.fetch(
                "select * from supplied_key_uses where day > $1 order by day desc, service",
                datetime.now(UTC).date() - timedelta(days=USES_SHOWN_DAYS),
            )
        found += [_view(row, owner, key, [use for use in uses if use["key_id"] == row["key_id"]]) for row in rows]
    return tuple(found)


async def remove(key_id: str, scope: Scope, deps: OAuth) -> str:
    """Forget a key at once; returns its provider. Raises NoSuchKey."""
    for owner in KeyOwner:
        async with deps.db.transaction(owner_of(scope, owner)) as tx:
            provider: str | None = await tx.fetchval(
                "delete from supplied_keys where key_id = $1 returning provider", key_id
            )
            if provider is not None:
                await audit.record(tx, provider, "key_removed", key_id)
                return provider
    raise NoSuchKey("There is no such key.")


async def take(query: GetSuppliedKey, service: str, scope: Scope, deps: OAuth) -> SuppliedKey:
    """A key for a service: the user's own before the organization's, the newest that was not refused.

    Raises NotConnected.
    """
    for owner in KeyOwner:
        async with deps.db.transaction(owner_of(scope, owner)) as tx:
            row = await tx.fetchrow(
                """select * from supplied_keys
                   where provider = $1 and not key_id = any($2) and (retires_at is null or retires_at > now())
                   order by created_at desc limit 1""",
                query.provider,
                list(query.refused_key_ids),
            )
            if row is not None:
                await _note_use(tx, row["key_id"], service)
                secret = (await deps.vault.user_key(tx)).open("supplied_key", row["key_id"], row["secret"]).decode()
                sealed = deps.seal.seal("supplied_key", scope, secret)
                return SuppliedKey(key_id=row["key_id"], belongs_to=owner, sealed_key=sealed)
    raise NotConnected("No working API key of this provider is known.")


async def _note_use(tx: Transaction, key_id: str, service: str) -> None:
    await tx.execute(
        """insert into supplied_key_uses as known (key_id, service, day, uses, last_at)
           values ($1, $2, (now() at time zone 'utc')::date, 1, now())
           on conflict (organization_id, user_id, key_id, service, day)
           do update set uses = known.uses + 1, last_at = excluded.last_at""",
        key_id,
        service,
    )


async def _forget_retired(tx: Transaction) -> None:
    gone = await tx.fetch("delete from supplied_keys where retires_at <= now() returning key_id, provider")
    for row in gone:
        await audit.record(tx, row["provider"], "key_retired", row["key_id"])


def _view(row: Row, owner: KeyOwner, key: UserKey, uses: list[Row] | tuple[Row, ...]) -> SuppliedKeyView:
    secret = key.open("supplied_key", row["key_id"], row["secret"]).decode()
    return SuppliedKeyView(
        key_id=row["key_id"],
        provider=row["provider"],
        belongs_to=owner,
        label=row["label"],
        # Enough to tell two keys apart, too little to use one.
        ends_with=secret[-4:] if len(secret) >= 16 else "",
        created_at=row["created_at"],
        retires_at=row["retires_at"],
        uses=tuple(
            KeyUse(service=use["service"], day=use["day"], uses=use["uses"], last_at=use["last_at"]) for use in uses
        ),
    )
