"""`adjutant quota grant`: an operator's exception to an organization's quotas for some hours.

The row is the audit trail: who, why, how much, until when. Chat honours it within a minute, and nobody can change it.
"""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.ids import is_id, new_id
from libs.runtime.keys import owner_of
from libs.runtime.settings import PlatformSettings

LONGEST_H = 24 * 31


async def grant(
    platform: PlatformSettings, services: Sequence[str], organization_id: str, factor: float, hours: float, reason: str
) -> datetime:
    """Returns until when. Raises ValueError for what makes no sense, DatabaseUnavailable."""
    if not (is_id(organization_id) and organization_id.startswith("org_")):
        raise ValueError("an organization's id looks like org_0193b0f1…")
    if not (0 < factor <= 1000 and 0 < hours <= LONGEST_H and reason.strip()):
        raise ValueError(f"the factor is above 0 and at most 1000, the hours at most {LONGEST_H}, the reason not empty")
    until = datetime.now(UTC) + timedelta(hours=hours)
    async with owner_of(platform, services, "chat") as owner, owner.transaction(None) as tx:
        await tx.execute(
            """insert into quota_exceptions (exception_id, organization_id, factor, until, reason, granted_by)
               values ($1, $2, $3, $4, $5, $6)""",
            new_id("evt"),
            organization_id,
            factor,
            until,
            reason.strip(),
            getpass.getuser(),
        )
    return until
