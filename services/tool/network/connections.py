"""Invitations and connections as they stand in their table. SQL stands beside the function that runs it.

Of whom an address is, nothing is stored or looked up here: the invited user's own scope finds the invitation, by the
hash of their address or by their id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId
from libs.db import Row, Transaction

SETTING: Final = "presented_invitation_hash"
MOST: Final = 200
"""Of one user that are open or connected."""
INVITED_FOR: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """A row; its content is opened by `services.tool.network.circle`."""

    connection_id: str
    owner: Scope
    status: str
    partner_organization_id: str | None
    partner_user_id: str | None
    blocked_by: str | None
    sealed: bytes
    created_at: datetime
    expires_at: datetime
    is_current: bool
    """Connected, or an invitation that can still be accepted."""

    @property
    def partner(self) -> Scope | None:
        """The other user, once they answered."""
        if self.partner_organization_id is None or self.partner_user_id is None:
            return None
        return Scope(OrganizationId(self.partner_organization_id), UserId(self.partner_user_id))

    def other(self, scope: Scope) -> Scope | None:
        """Who it connects that user with."""
        return self.partner if self.owner == scope else self.owner


async def present(tx: Transaction, address_hash: str | None) -> None:
    """Let the rest of this transaction see invitations to that address."""
    if address_hash is not None:
        await tx.present(SETTING, address_hash)


async def invite(
    tx: Transaction, connection_id: str, address_hash: str | None, user_id: str | None, sealed: bytes, now: datetime
) -> None:
    """A new invitation, under the transaction's user."""
    await tx.execute(
        """insert into network_connections (connection_id, status, invited_hash, partner_user_id, content, created_at,
                                            expires_at, updated_at)
           values ($1, 'invited', $2, $3, $4, $5, $6, $5)""",
        connection_id,
        address_hash,
        user_id,
        sealed,
        now,
        now + INVITED_FOR,
    )


async def listed(tx: Transaction) -> list[Connection]:
    """All that this transaction may see and that are not over, newest first; blocked ones too."""
    rows = await tx.fetch(
        f"""{_SELECT} where status in ('connected', 'blocked') or status = 'invited' and expires_at > clock_timestamp()
            order by created_at desc, connection_id limit 1000"""
    )
    return [_connection(row) for row in rows]


async def invited(tx: Transaction, address_hash: str | None, user_id: str | None) -> Connection | None:
    """The present invitation of the transaction's user to that address or user."""
    row = await tx.fetchrow(
        f"""{_SELECT} where organization_id = $1 and user_id = $2 and status = 'invited'
            and expires_at > clock_timestamp() and (invited_hash = $3 or partner_user_id = $4) limit 1""",
        tx.require_scope().organization_id,
        tx.require_scope().user_id,
        address_hash,
        user_id,
    )
    return _connection(row) if row else None


async def find(tx: Transaction, connection_id: str, *, lock: bool = False) -> Connection | None:
    """The connection, if this transaction may see it; locking is for its owner's scope."""
    row = await tx.fetchrow(f"{_SELECT} where connection_id = $1{' for update' if lock else ''}", connection_id)
    return _connection(row) if row else None


async def answer(tx: Transaction, connection_id: str, partner: Scope, sealed: bytes, *, accept: bool) -> bool:
    """The invited user's word, in the owner's scope; False when it was not waiting for it."""
    tag = await tx.execute(
        """update network_connections
           set status = case when $5 then 'connected' else 'declined' end, partner_organization_id = $2,
               partner_user_id = $3, content = $4, updated_at = clock_timestamp()
           where connection_id = $1 and status = 'invited' and expires_at > clock_timestamp()""",
        connection_id,
        partner.organization_id,
        partner.user_id,
        sealed,
        accept,
    )
    return tag != "UPDATE 0"


async def end(tx: Transaction, connection_id: str, by: Scope, *, block: bool) -> bool:
    """Remove or block it, in the owner's scope; False when it was over."""
    tag = await tx.execute(
        """update network_connections
           set status = case when $3 then 'blocked' else 'removed' end, blocked_by = case when $3 then $2 end,
               partner_user_id = case when user_id = $2 then partner_user_id else $2 end,
               partner_organization_id = case when user_id = $2 then partner_organization_id else $4 end,
               updated_at = clock_timestamp()
           where connection_id = $1 and status in ('invited', 'connected')""",
        connection_id,
        by.user_id,
        block,
        by.organization_id,
    )
    return tag != "UPDATE 0"


_SELECT = """
select organization_id, user_id, connection_id, status, partner_organization_id, partner_user_id, blocked_by, content,
       created_at, expires_at,
       status = 'connected' or status = 'invited' and expires_at > clock_timestamp() as is_current
from network_connections
"""


def _connection(row: Row) -> Connection:
    return Connection(
        connection_id=row["connection_id"],
        owner=Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])),
        status=row["status"],
        partner_organization_id=row["partner_organization_id"],
        partner_user_id=row["partner_user_id"],
        blocked_by=row["blocked_by"],
        sealed=row["content"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_current=row["is_current"],
    )
