"""What an organization may use: its plan, an operator's exceptions, its own policy of models; read once a minute."""

import time
from collections import OrderedDict
from dataclasses import dataclass, replace

from contracts.envelope import Scope
from contracts.ids import OrganizationId
from contracts.models import Feature, Tier
from contracts.spending import ModelPolicy
from libs.db import Database, Transaction
from services.chat.routing.choice import Wish

REMEMBERED_S = 60.0
REMEMBERED = 10_000

_TERMS = """
select (select tier from plans where organization_id = $1) as tier,
       (select max(factor) from quota_exceptions where organization_id = $1 and until > now()) as factor,
       (select json_agg(json_build_object('feature', feature, 'allowed', allowed, 'quality_floor', quality_floor,
                                          'ceiling_micros', ceiling_micros, 'prefers', prefers))
        from model_policies where organization_id = $1) as policies
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """`factor`: an operator's exception to the quotas. `policies`: by feature, `*` for all others."""

    tier: Tier
    factor: float
    policies: dict[str, ModelPolicy]

    def policy_of(self, feature: Feature) -> ModelPolicy | None:
        """The feature's own before the one for all."""
        return self.policies.get(feature) or self.policies.get("*")

    def wish(self, wish: Wish, feature: Feature) -> Wish:
        """A request's wish within what its organization allows."""
        policy = self.policy_of(feature)
        if policy is None:
            return wish
        return replace(
            wish,
            allowed=None if policy.allowed is None else frozenset(policy.allowed),
            quality_floor=policy.quality_floor,
            economical=policy.prefers == "price",
            fast=policy.prefers == "speed",
        )


class Plans:
    """One process's knowledge."""

    def __init__(self, db: Database, default: Tier) -> None:
        self._db = db
        self._default = default
        self._known: OrderedDict[OrganizationId, tuple[float, Terms]] = OrderedDict()

    async def terms_of(self, scope: Scope) -> Terms:
        """The organization's; the default plan for one that nobody has told of."""
        known = self._known.get(scope.organization_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        (row,) = await self._db.call(_TERMS, scope.organization_id)
        policies = [ModelPolicy.model_validate(each) for each in row["policies"] or ()]
        terms = Terms(
            row["tier"] or self._default, row["factor"] or 1.0, {policy.feature: policy for policy in policies}
        )
        self._known[scope.organization_id] = (time.monotonic() + REMEMBERED_S, terms)
        self._known.move_to_end(scope.organization_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return terms

    def forget(self, scope: Scope) -> None:
        """It has changed; other replicas notice within a minute."""
        self._known.pop(scope.organization_id, None)


async def keep(tx: Transaction, tier: Tier) -> None:
    """The organization of this transaction has this plan now."""
    await tx.execute(
        """insert into plans (organization_id, tier) values ($1, $2)
           on conflict (organization_id) do update set tier = excluded.tier""",
        tx.require_scope().organization_id,
        tier,
    )


async def keep_policy(tx: Transaction, policy: ModelPolicy) -> None:
    """The organization's policy for one feature, or for all others."""
    await tx.execute(
        """insert into model_policies (organization_id, feature, allowed, quality_floor, ceiling_micros, prefers)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (organization_id, feature) do update set
               allowed = excluded.allowed, quality_floor = excluded.quality_floor,
               ceiling_micros = excluded.ceiling_micros, prefers = excluded.prefers, updated_at = now()""",
        tx.require_scope().organization_id,
        policy.feature,
        None if policy.allowed is None else list(policy.allowed),
        policy.quality_floor,
        policy.ceiling_micros,
        policy.prefers,
    )


async def policies_of(tx: Transaction) -> tuple[ModelPolicy, ...]:
    """All of the organization's."""
    rows = await tx.fetch(
        "select feature, allowed, quality_floor, ceiling_micros, prefers from model_policies"
        " where organization_id = $1 order by feature",
        tx.require_scope().organization_id,
    )
    return tuple(ModelPolicy(**row) for row in rows)
