"""The audit trail, readable by its subject."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.gateway.audit import entries
from services.gateway.guards import GatewayHere, Reader
from services.gateway.wire import AUTHENTICATED, problems

router = APIRouter(prefix="/api/audit", tags=["audit"])


class AuditLine(BaseModel):
    """Who did what, when, from where."""

    entry_id: str
    at: datetime
    actor: str
    action: str
    target: str
    address: str
    user_agent: str
    request_id: str


class AuditPage(BaseModel):
    """Newest first; `next_before` is absent on the last page."""

    entries: list[AuditLine]
    next_before: str | None


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def read(
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(pattern=r"^evt_[0-9a-f]{32}$")] = None,
) -> AuditPage:
    """What was done to the caller's account and data."""
    async with gateway.db.reading(caller.scope) as tx:
        found = await entries(tx, limit, before)
    lines = [
        AuditLine(
            entry_id=entry.entry_id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            address=entry.address,
            user_agent=entry.user_agent,
            request_id=entry.request_id,
        )
        for entry in found
    ]
    return AuditPage(entries=lines, next_before=lines[-1].entry_id if len(lines) == limit else None)
