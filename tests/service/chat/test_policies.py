"""What an organization allows is what its requests get; an operator's exception widens its quotas, and is kept."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.money import CostMicros
from contracts.spending import ModelPolicy
from libs.db import Database
from libs.models.errors import NoModelFits
from libs.models.messages import Finished, Options, TextDelta, UserText
from libs.resilience.deadline import Deadline
from libs.vault import MasterKeys, Vault
from services.chat.admitted import Admitted, Asker
from services.chat.asking import Asking
from services.chat.audit_trail import AuditTrail
from services.chat.errors import QuotaReached
from services.chat.routing.deployments import Deployment
from services.chat.routing.request import ModelRequest
from services.chat.routing.router import Router
from services.chat.spending import plans
from services.chat.spending.account import Account
from services.chat.spending.fair_queue import FairQueue
from services.chat.spending.plans import Plans
from services.chat.veil import Veil
from tests.conftest import Platform
from tests.unit.chat.scripted_models import deployment, model_of

Connect = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def db(connect: Connect) -> Database:
    return await connect("chat")


def asking(db: Database, platform: Platform, *deployments: Deployment, tier: str = "ENTERPRISE") -> Asking:
    keys = MasterKeys.from_text(platform.master_keys)
    veil, trail = Veil(keys, frozenset()), AuditTrail(db, Vault(keys), keeps_words=True)
    return Asking(Router(deployments), Account(db), Plans(db, tier), (), veil, trail, FairQueue(100, 100))  # type: ignore[arg-type]


def two() -> tuple[Deployment, Deployment]:
    good = deployment("good", "from the good one", quality=9, input_micros=10_000_000, output_micros=50_000_000)
    cheap = deployment("cheap", "from the cheap one", quality=3, input_micros=100_000, output_micros=400_000)
    return good, cheap


async def allow(db: Database, scope: Scope, **policy: object) -> None:
    async with db.transaction(scope) as tx:
        await plans.keep_policy(tx, ModelPolicy.model_validate({"feature": "*", **policy}))


async def answer(models: Asking, scope: Scope, temperature: float | None = None) -> str:
    request = ModelRequest((UserText("hi"),), options=Options(max_output_tokens=100, temperature=temperature))
    deadline = Deadline.after(10)
    admitted: Admitted = await models.admit(request, Asker(scope, "completions"), deadline)
    events = [event async for event in models.stream(admitted, deadline)]
    await models.aclose()
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_without_a_policy_the_best_answers(db: Database, platform: Platform, scope: Scope) -> None:
    assert await answer(asking(db, platform, *two()), scope) == "from the good one"


@pytest.mark.parametrize("policy", [{"prefers": "price"}, {"allowed": ("cheap",)}, {"ceiling_micros": CostMicros(500)}])
async def test_a_policy_decides_who_answers(
    db: Database, platform: Platform, scope: Scope, stranger: Scope, policy: dict[str, object]
) -> None:
    await allow(db, scope, **policy)
    models = asking(db, platform, *two())
    assert await answer(models, scope) == "from the cheap one"
    assert await answer(models, stranger) == "from the good one", "another organization is not concerned"


async def test_a_feature_of_its_own_goes_before_all_others(db: Database, platform: Platform, scope: Scope) -> None:
    await allow(db, scope, prefers="price")
    await allow(db, scope, feature="completions", quality_floor=8)
    assert await answer(asking(db, platform, *two()), scope) == "from the good one"


async def test_a_ceiling_below_every_price_refuses_before_anything_is_asked(
    db: Database, platform: Platform, scope: Scope
) -> None:
    await allow(db, scope, ceiling_micros=1)
    good, cheap = two()
    with pytest.raises(NoModelFits):
        await answer(asking(db, platform, good, cheap), scope)
    assert model_of(good).asked == model_of(cheap).asked == []


async def test_an_operators_exception_widens_the_quota_and_cannot_be_changed(
    db: Database, platform: Platform, scope: Scope
) -> None:
    models = asking(db, platform, deployment("only", "hi"), tier="FREE")
    for _ in range(5):
        await answer(models, scope)
    async with db.transaction(None) as tx:
        await tx.execute(
            "insert into quota_exceptions (exception_id, organization_id, factor, until, reason, granted_by)"
            " values ($1, $2, 100, $3, 'launch day', 'operator')",
            new_id("evt"),
            scope.organization_id,
            datetime.now(UTC) + timedelta(hours=1),
        )
    models.forget_terms(scope)
    for _ in range(20):
        await answer(models, scope)
    async with db.transaction(None) as tx:
        assert await tx.execute("delete from quota_exceptions") == "DELETE 0"
        assert await tx.execute("update quota_exceptions set factor = 1") == "UPDATE 0"


async def test_a_plan_of_ten_a_day_ends_after_ten(db: Database, platform: Platform, scope: Scope) -> None:
    models = asking(db, platform, deployment("only", "hi"), tier="FREE")
    async with db.transaction(None) as tx:
        await tx.execute(
            "insert into quota_use (user_id, day, hour, day_requests) values ($1, current_date, now(), 9)",
            scope.user_id,
        )
    await answer(models, scope)
    with pytest.raises(QuotaReached):
        await answer(models, scope)


async def test_the_same_safe_question_is_asked_once_and_both_answers_are_in_the_ledger(
    db: Database, platform: Platform, scope: Scope, stranger: Scope
) -> None:
    only = deployment("only", "hi", input_micros=1_000_000, output_micros=1_000_000)
    models = asking(db, platform, only)

    assert [await answer(models, scope, 0) for _ in range(3)] == ["hi"] * 3
    assert len(model_of(only).asked) == 1
    await answer(models, stranger, 0)
    assert len(model_of(only).asked) == 2, "nobody is given another user's answer"
    await answer(models, scope, 0.7)
    await answer(models, scope)
    assert len(model_of(only).asked) == 4, "where chance is wanted, nothing is given again"

    async with db.reading(scope) as tx:
        rows = await tx.fetch("select outcome, cost_micros from model_calls order by created_at")
    assert [(row["outcome"], row["cost_micros"] > 0) for row in rows] == [
        ("completed", True),
        ("cached", False),
        ("cached", False),
        ("completed", True),
        ("completed", True),
    ]


async def test_a_policy_that_leaves_nobody_refuses_before_anything_is_put_aside(
    db: Database, platform: Platform, scope: Scope
) -> None:
    await allow(db, scope, allowed=("unheard-of",))
    with pytest.raises(NoModelFits):
        await answer(asking(db, platform, *two()), scope)
    async with db.transaction(None) as tx:
        assert not await tx.fetch("select from reservations where user_id = $1", scope.user_id)


async def test_a_long_request_goes_to_one_with_room_for_it_and_its_limit_of_length_fits_too(
    db: Database, platform: Platform, scope: Scope
) -> None:
    small = deployment("small", "from the small one", context_tokens=2_000)
    large = deployment("large", "from the large one", order=1)
    models = asking(db, platform, small, large)
    deadline = Deadline.after(10)

    for text, expected in (("hi", "from the small one"), ("word " * 3_000, "from the large one")):
        admitted = await models.admit(ModelRequest((UserText(text),)), Asker(scope, "completions"), deadline)
        said = [event async for event in models.stream(admitted, deadline)]
        assert said[0] == TextDelta(expected)
    await models.aclose()

    assert [limit is not None and 1_000 < limit < 2_000 for limit in model_of(small).limits] == [True]
    assert model_of(large).limits == [8_192]
