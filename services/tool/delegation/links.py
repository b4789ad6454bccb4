"""Links: made, listed, ended, and found by whoever has the secret. SQL stands beside the function that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.tool.delegation.errors import (
    BookingLinkNotFound,
    DelegationNotFound,
    DelegationRevoked,
    TooManyDelegations,
)
from services.tool.delegation.terms import Terms, open_terms

MOST_LINKS = 100
"""Of one owner that are neither revoked nor expired."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a link ends by itself; None: never."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Link:
    """One link, opened."""

    delegation_id: str
    terms: Terms
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    is_active: bool


async def create(
    tx: Transaction, key: UserKey, token_hash: str, terms: Terms, expires_at: datetime | None, now: datetime
) -> Link:
    """A new link. Raises TooManyDelegations."""
    if await tx.fetchval(_COUNT_ACTIVE) >= MOST_LINKS:
        raise TooManyDelegations(f"There may be {MOST_LINKS} links at a time.")
    delegation_id = new_id("dl")
    await tx.execute(
        """insert into delegations (delegation_id, token_hash, terms, created_at, expires_at)
           values ($1, $2, $3, $4, $5)""",
        delegation_id,
        token_hash,
        terms.seal(key, delegation_id),
        now,
        expires_at,
    )
    return Link(delegation_id, terms, now, expires_at, None, is_active=True)


async def listed(tx: Transaction, key: UserKey) -> list[Link]:
    """All links of the owner, newest first; ended ones too, for their bookings."""
    rows = await tx.fetch(f"{_SELECT} order by created_at desc, delegation_id limit 500")
    return [_link(row, key) for row in rows]


async def find(tx: Transaction, key: UserKey, delegation_id: str) -> Link:
    """The owner's link. Raises DelegationNotFound."""
    row = await tx.fetchrow(f"{_SELECT} where delegation_id = $1", delegation_id)
    if row is None:
        raise DelegationNotFound("There is no such link.")
    return _link(row, key)


async def change(
    tx: Transaction, key: UserKey, delegation_id: str, change_terms: Callable[[Terms], Terms], expiry: Expiry | None
) -> Link:
    """Other terms, and another end if one is given. Raises DelegationNotFound, DelegationRevoked, TooManyDelegations
    when one comes back that had expired, and what `change_terms` does."""
    row = await tx.fetchrow(f"{_SELECT} where delegation_id = $1 for update", delegation_id)
    if row is None:
        raise DelegationNotFound("There is no such link.")
    if row["revoked_at"] is not None:
        raise DelegationRevoked
    found = _link(row, key)
    expires_at = expiry.at if expiry is not None else found.expires_at
    if not found.is_active and expiry is not None and await tx.fetchval(_COUNT_ACTIVE) >= MOST_LINKS:
        raise TooManyDelegations(f"There may be {MOST_LINKS} links at a time.")
    await tx.execute(
        "update delegations set terms = $2, expires_at = $3 where delegation_id = $1",
        delegation_id,
        change_terms(found.terms).seal(key, delegation_id),
        expires_at,
    )
    return await find(tx, key, delegation_id)


async def require_active(tx: Transaction, key: UserKey, delegation_id: str) -> Link:
    """The link as an outsider may use it now. Raises BookingLinkNotFound, also when it has ended."""
    row = await tx.fetchrow(f"{_SELECT} where delegation_id = $1", delegation_id)
    if row is None or not row["is_active"]:
        raise BookingLinkNotFound
    return _link(row, key)


async def revoke(tx: Transaction, delegation_id: str) -> bool:
    """End it now; False when it had been revoked. Raises DelegationNotFound."""
    tag = await tx.execute(
        "update delegations set revoked_at = clock_timestamp() where delegation_id = $1 and revoked_at is null",
        delegation_id,
    )
    if tag == "UPDATE 0" and not await tx.fetchval("select 1 from delegations where delegation_id = $1", delegation_id):
        raise DelegationNotFound("There is no such link.")
    return tag != "UPDATE 0"


async def whose(tx: Transaction, token_hash: str, *, also_ended: bool) -> tuple[Scope, str]:
    """Owner and id of the link with this hash; the transaction has no scope. Raises BookingLinkNotFound.

    `also_ended` is for an appointment's own secret: who has booked may cancel after the link is gone.
    """
    await tx.present("presented_delegation_hash", token_hash)
    row = await tx.fetchrow(f"{_SELECT} where token_hash = $1", token_hash)
    if row is None or not (row["is_active"] or also_ended):
        raise BookingLinkNotFound
    return Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])), row["delegation_id"]


_SELECT = """
select organization_id, user_id, delegation_id, terms, created_at, expires_at, revoked_at,
       revoked_at is null and (expires_at is null or expires_at > clock_timestamp()) as is_active
from delegations
"""
_COUNT_ACTIVE = """
select count(*) from delegations where revoked_at is null and (expires_at is null or expires_at > clock_timestamp())
"""


def _link(row: Row, key: UserKey) -> Link:
    return Link(
        delegation_id=row["delegation_id"],
        terms=open_terms(key, row["delegation_id"], row["terms"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        is_active=row["is_active"],
    )
