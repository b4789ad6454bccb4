"""Connections in the database. Tokens go in and come out sealed with the user's data key."""

from dataclasses import dataclass
from datetime import datetime

from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionStatus, ConnectionView
from libs.db import Row, Transaction
from libs.providers.registry import PROVIDERS
from libs.vault import UserKey
from services.oauth.endpoints import Tokens
from services.oauth.errors import NotConnected


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """A connection with its tokens, for the length of one transaction. Shows nothing when printed."""

    connection_id: ConnectionId
    status: ConnectionStatus
    access_token: str
    refresh_token: str | None
    expires_at: datetime
    connected_at: datetime


async def save(
    tx: Transaction, key: UserKey, provider: str, account: str, tokens: Tokens, now: datetime
) -> ConnectionView:
    """Connect, or connect again under the same id; an answer without a refresh token keeps the one we have."""
    known = await tx.fetchrow("select connection_id, account from connections where provider = $1 for update", provider)
    connection_id = ConnectionId(known["connection_id"] if known else new_id("cn"))
    # Another account's refresh token is worth nothing for this one.
    is_same = known is not None and key.open("account", connection_id, known["account"]) == account.encode()
    row = await tx.fetchrow(
        """insert into connections (connection_id, provider, status, account, access_token, refresh_token, scopes,
                                    expires_at, connected_at)
           values ($1, $2, 'active', $3, $4, $5, $6, $7, $8)
           on conflict (organization_id, user_id, connection_id) do update set
               status = 'active', account = excluded.account, access_token = excluded.access_token,
               refresh_token = coalesce(excluded.refresh_token, case when $9 then connections.refresh_token end),
               scopes = excluded.scopes, expires_at = excluded.expires_at, connected_at = excluded.connected_at
           returning *""",
        connection_id,
        provider,
        key.seal("account", connection_id, account.encode()),
        key.seal("access_token", connection_id, tokens.access_token.encode()),
        key.seal("refresh_token", connection_id, tokens.refresh_token.encode()) if tokens.refresh_token else None,
        list(tokens.scopes or ()),
        tokens.expires_at,
        now,
        is_same,
    )
    assert row is not None
    return view(row, key)


async def listed(tx: Transaction, key: UserKey) -> tuple[ConnectionView, ...]:
    """All of the user's, by provider."""
    return tuple(view(row, key) for row in await tx.fetch("select * from connections order by provider"))


async def hold(tx: Transaction, key: UserKey, provider: str) -> Held:
    """The connection, locked until the transaction ends: whoever refreshes, all others wait. Raises NotConnected."""
    row = await tx.fetchrow("select * from connections where provider = $1 for update", provider)
    return _held(row, key)


async def peek(tx: Transaction, key: UserKey, provider: str) -> Held:
    """The connection as it is, without waiting for anybody. Raises NotConnected."""
    return _held(await tx.fetchrow("select * from connections where provider = $1", provider), key)


async def renew(tx: Transaction, key: UserKey, held: Held, tokens: Tokens) -> None:
    """Keep what a refresh brought; a rotated refresh token replaces the one it was bought with."""
    rotated = tokens.refresh_token
    await tx.execute(
        """update connections set access_token = $2, expires_at = $3, refresh_token = coalesce($4, refresh_token)
           where connection_id = $1""",
        held.connection_id,
        key.seal("access_token", held.connection_id, tokens.access_token.encode()),
        tokens.expires_at,
        key.seal("refresh_token", held.connection_id, rotated.encode()) if rotated else None,
    )


async def require_reauthorization(tx: Transaction, held: Held) -> None:
    """Only the user can mend it now."""
    await tx.execute(
        "update connections set status = 'reauthorization_required' where connection_id = $1", held.connection_id
    )


async def remove(tx: Transaction, key: UserKey, held: Held) -> bool:
    """Forget it and its tokens. False when its token is another than `held` has: renewed, or connected again since."""
    row = await tx.fetchrow("select * from connections where connection_id = $1 for update", held.connection_id)
    if row is not None and _held(row, key).access_token != held.access_token:
        return False
    await tx.execute("delete from connections where connection_id = $1", held.connection_id)
    return True


def view(row: Row, key: UserKey) -> ConnectionView:
    """What the owner may see."""
    connection_id = ConnectionId(row["connection_id"])
    return ConnectionView(
        connection_id=connection_id,
        provider=row["provider"],
        account=key.open("account", connection_id, row["account"]).decode(),
        status=ConnectionStatus(row["status"]),
        scopes=tuple(row["scopes"]),
        connected_at=row["connected_at"],
        access_token_expires_at=row["expires_at"],
        capabilities=PROVIDERS[row["provider"]].granted(row["scopes"]) if row["provider"] in PROVIDERS else (),
    )


def _held(row: Row | None, key: UserKey) -> Held:
    if row is None:
        raise NotConnected("This provider is not connected.")
    connection_id = ConnectionId(row["connection_id"])
    sealed = row["refresh_token"]
    return Held(
        connection_id=connection_id,
        status=ConnectionStatus(row["status"]),
        access_token=key.open("access_token", connection_id, row["access_token"]).decode(),
        refresh_token=key.open("refresh_token", connection_id, sealed).decode() if sealed else None,
        expires_at=row["expires_at"],
        connected_at=row["connected_at"],
    )
