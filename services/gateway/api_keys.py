"""API keys: `adj_<id>_<secret>`, shown once, stored hashed, scoped, revocable."""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from libs.db import Row, Transaction
from services.gateway.principal import Permission, Principal
from services.gateway.signing import digest, new_secret

_SHAPE = re.compile(r"^adj_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$")


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be."""

    name: str
    permissions: tuple[Permission, ...]
    networks: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner sees it in the list: never the secret."""

    key_id: str
    name: str
    permissions: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def looks_like_key(text: str) -> bool:
    """Whether it has the shape of a key; anything else is refused without a look-up."""
    return _SHAPE.fullmatch(text) is not None


async def create_key(tx: Transaction, new: NewKey) -> tuple[ApiKey, str]:
    """Create a key for `tx.scope`; the second value is the secret, which nobody can read again."""
    assert tx.scope is not None
    key_id = new_id("k")
    secret = f"adj_{key_id.removeprefix('k_')}_{new_secret()}"
    row = await tx.fetchrow(
        """
        insert into api_keys
            (key_id, organization_id, user_id, name, key_hash, permissions, networks, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, now(), $8)
        returning key_id, name, permissions, networks, created_at, expires_at, last_used_at
        """,
        key_id,
        tx.scope.organization_id,
        tx.scope.user_id,
        new.name,
        digest(secret),
        [str(permission) for permission in new.permissions],
        list(new.networks),
        new.expires_at,
    )
    assert row is not None
    return _view(row), secret


async def find_key(tx: Transaction, secret: str) -> tuple[Principal, bool] | None:
    """The principal behind a key, and whether its last use should be noted (once a minute is enough)."""
    hashed = digest(secret)
    await tx.present("presented_key_hash", hashed)
    row = await tx.fetchrow(
        """
        select key_id, organization_id, user_id, permissions, networks,
               coalesce(last_used_at < now() - interval '1 minute', true) as stale
        from api_keys
        where key_hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())
        """,
        hashed,
    )
    if row is None:
        return None
    principal = Principal(
        scope=Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])),
        kind="api_key",
        id=row["key_id"],
        permissions=frozenset(Permission(name) for name in row["permissions"]),
        networks=tuple(ip_network(network) for network in row["networks"]),
    )
    return principal, row["stale"]


async def key_lives(tx: Transaction, key_id: str) -> bool:
    """Whether a key of `tx.scope` has neither expired nor been revoked."""
    sql = "select 1 from api_keys where key_id = $1 and revoked_at is null and coalesce(expires_at > now(), true)"
    return await tx.fetchval(sql, key_id) is not None


async def note_use(tx: Transaction, key_id: str) -> None:
    """Remember that a key of `tx.scope` was used just now."""
    await tx.execute("update api_keys set last_used_at = now() where key_id = $1", key_id)


async def list_keys(tx: Transaction) -> list[ApiKey]:
    """The keys of `tx.scope` that are not revoked, newest first."""
    rows = await tx.fetch(
        """
        select key_id, name, permissions, networks, created_at, expires_at, last_used_at
        from api_keys where revoked_at is null order by key_id desc
        """
    )
    return [_view(row) for row in rows]


async def revoke_key(tx: Transaction, key_id: str) -> bool:
    """Revoke a key of `tx.scope`; false when there is none."""
    revoked = await tx.fetchval(
        "update api_keys set revoked_at = now() where key_id = $1 and revoked_at is null returning key_id", key_id
    )
    return revoked is not None


def _view(row: Row) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        name=row["name"],
        permissions=tuple(row["permissions"]),
        networks=tuple(row["networks"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )
