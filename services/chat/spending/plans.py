"""Which plan an organization has: told by the gateway's events, kept here, remembered for a minute."""

import time
from collections import OrderedDict

from contracts.envelope import Scope
from contracts.ids import OrganizationId
from contracts.models import Tier
from libs.db import Database, Transaction

REMEMBERED_S = 60.0
REMEMBERED = 10_000


class Plans:
    """One process's knowledge."""

    def __init__(self, db: Database, default: Tier) -> None:
        self._db = db
        self._default = default
        self._known: OrderedDict[OrganizationId, tuple[float, Tier]] = OrderedDict()

    async def tier_of(self, scope: Scope) -> Tier:
        """The organization's; the default for one that nobody has told of."""
        until, tier = self._known.get(scope.organization_id, (0.0, self._default))
        if time.monotonic() < until:
            return tier
        rows = await self._db.call("select tier from plans where organization_id = $1", scope.organization_id)
        found: Tier = rows[0]["tier"] if rows else self._default
        self._known[scope.organization_id] = (time.monotonic() + REMEMBERED_S, found)
        self._known.move_to_end(scope.organization_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


async def keep(tx: Transaction, tier: Tier) -> None:
    """The organization of this transaction has this plan now."""
    await tx.execute(
        """insert into plans (organization_id, tier) values ($1, $2)
           on conflict (organization_id) do update set tier = excluded.tier""",
        tx.require_scope().organization_id,
        tier,
    )
