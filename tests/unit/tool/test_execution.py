"""How an effect ends, for every way in which a provider can leave us guessing. Decisions alone: no server."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from contracts.tool import Effect, ExecutionStatus
from libs.providers.errors import (
    PermissionMissing,
    ProviderBusy,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
)
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError
from services.tool import execution
from services.tool.arguments import Empty
from services.tool.context import Context
from services.tool.errors import ExecutionInProgress
from services.tool.execution import Patience, carry_out
from services.tool.ledger import Ending
from services.tool.registry import Tool

QUICK = Patience(total_s=0.2, settle_s=0.01, pauses_s=(0.01,))
NOWHERE = Context(
    *cast(Any, (None,) * 4),
    tz=ZoneInfo("UTC"),
    now=datetime(2026, 11, 20, tzinfo=UTC),
    deadline=Deadline.after(60),
    tasks=cast(Any, None),
    network=cast(Any, None),
    execution_id="x_1",
)
DOWN = ProviderUnavailable("down")
UNREACHABLE = ProviderUnreachable("no connection")
SLOW = ProviderTimeout("slow")
FORBIDDEN = PermissionMissing("no")


class Made(BaseModel):
    """What a lamp says when it is lit."""

    event_id: str = "e1"


@dataclass
class Lamp:
    """Something to switch on. `says` are the answers to each switching, `sees` to each look; then all goes well."""

    says: Sequence[Exception | None] = ()
    sees: Sequence[AdjutantError | bool] = ()
    switched: int = 0
    looked: int = 0
    renewed: list[int] = field(default_factory=list)

    async def switch_on(self, _: Empty, __: Context) -> Made:
        self.switched += 1
        error = self.says[self.switched - 1] if self.switched <= len(self.says) else None
        if error:
            raise error
        return Made()

    async def look(self, _: Empty, __: Context) -> Made | None:
        self.looked += 1
        seen = self.sees[min(self.looked, len(self.sees)) - 1] if self.sees else False
        if isinstance(seen, AdjutantError):
            raise seen
        return Made() if seen else None

    async def renew(self) -> None:
        self.renewed.append(self.switched)

    async def run(self, *, is_first: bool = True, patience: Patience = QUICK, claimed_s_ago: float = 0) -> Ending:
        tool = Tool("lamp", "", Effect.WRITE, Empty, self.switch_on, frozenset(), False, look_up=self.look)
        claimed_at = time.monotonic() - claimed_s_ago
        return await carry_out(
            tool, Empty(), NOWHERE, is_first=is_first, renew=self.renew, claimed_at=claimed_at, patience=patience
        )


async def test_what_works_at_once_is_done_without_a_look() -> None:
    lamp = Lamp()

    ending = await lamp.run()

    assert (ending.status, ending.provider_ref) == (ExecutionStatus.DONE, "e1")
    assert (lamp.switched, lamp.looked) == (1, 0)


async def test_a_successor_looks_first_and_does_nothing_when_it_is_there() -> None:
    lamp = Lamp(sees=[True])

    assert (await lamp.run(is_first=False)).status == ExecutionStatus.DONE
    assert lamp.switched == 0


async def test_a_successor_that_sees_nothing_does_it() -> None:
    lamp = Lamp(sees=[False])

    assert (await lamp.run(is_first=False)).status == ExecutionStatus.DONE
    assert (lamp.switched, lamp.looked) == (1, 1)


async def test_a_refusal_is_final_and_told() -> None:
    lamp = Lamp(says=[FORBIDDEN])

    ending = await lamp.run()

    assert (ending.status, ending.error) == (ExecutionStatus.FAILED, "provider_permission_missing")
    assert ending.detail == "no Connect the account again and grant the permission it asks for."
    assert lamp.switched == 1


@pytest.mark.parametrize("error", [DOWN, SLOW])
async def test_after_half_an_answer_it_looks_before_it_acts_again(error: AdjutantError) -> None:
    lamp = Lamp(says=[error], sees=[True])

    assert (await lamp.run()).status == ExecutionStatus.DONE
    assert (lamp.switched, lamp.looked) == (1, 1)


async def test_a_busy_provider_is_asked_again_without_a_look_after_the_time_it_wants() -> None:
    lamp = Lamp(says=[ProviderBusy("busy", retry_after_s=0.05)])
    started = asyncio.get_running_loop().time()

    assert (await lamp.run()).status == ExecutionStatus.DONE
    assert asyncio.get_running_loop().time() - started >= 0.05
    assert (lamp.switched, lamp.looked) == (2, 0)


async def test_a_busy_provider_that_wants_more_time_than_a_user_has_is_an_honest_failure() -> None:
    ending = await Lamp(says=[ProviderBusy("busy", retry_after_s=60)]).run()

    assert (ending.status, ending.error) == (ExecutionStatus.FAILED, "provider_rate_limited")


async def test_no_connection_at_all_fails_for_certain() -> None:
    lamp = Lamp(says=[UNREACHABLE] * 99)

    assert (await lamp.run()).status == ExecutionStatus.FAILED
    assert lamp.looked == 0


async def test_a_provider_that_stays_down_but_shows_that_nothing_is_there_is_a_failure() -> None:
    lamp = Lamp(says=[DOWN] * 99, sees=[False])

    assert (await lamp.run()).status == ExecutionStatus.FAILED
    assert lamp.looked >= lamp.switched


async def test_what_nobody_can_tell_is_unknown_and_never_tried_again() -> None:
    lamp = Lamp(says=[SLOW], sees=[DOWN])

    ending = await lamp.run()

    assert (ending.status, ending.error) == (ExecutionStatus.UNKNOWN, "provider_unavailable")
    assert ending.detail is not None
    assert "not certain" in ending.detail
    assert lamp.switched == 1


async def test_a_look_that_is_refused_settles_nothing() -> None:
    lamp = Lamp(says=[SLOW], sees=[FORBIDDEN])

    assert (await lamp.run()).status == ExecutionStatus.UNKNOWN
    assert lamp.switched == 1


async def test_the_lease_is_renewed_before_every_further_try() -> None:
    lamp = Lamp(says=[UNREACHABLE, UNREACHABLE])

    await lamp.run()

    assert lamp.renewed == [1, 2]


async def test_a_process_that_slept_after_claiming_asks_for_the_lease_before_it_acts() -> None:
    """Stopped between claim and call for longer than the lease: by then a successor may have looked, and acted."""
    lamp = Lamp()
    assert (await lamp.run(claimed_s_ago=20)).status == ExecutionStatus.DONE
    assert lamp.renewed == [0]

    async def lost() -> None:
        raise ExecutionInProgress("Another replica has taken the execution over.", retry_after_s=15)

    late = Lamp()
    late.renew = lost  # type: ignore[method-assign]
    with pytest.raises(ExecutionInProgress):
        await late.run(claimed_s_ago=20)
    assert late.switched == 0


@pytest.mark.parametrize("bug", [KeyError("items"), ValueError("not a number"), RuntimeError("never")])
async def test_a_tool_that_breaks_leaves_an_honest_end_and_no_claim_for_ever(bug: Exception) -> None:
    """Where it broke nobody knows: reading the answer to a mail that was sent is as likely as writing the request."""
    lamp = Lamp(says=[bug])
    ending = await lamp.run()
    assert (ending.status, ending.error) == (ExecutionStatus.UNKNOWN, "internal_error")
    assert "look before asking again" in (ending.detail or "")
    assert lamp.switched == 1


async def test_a_last_look_that_takes_too_long_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "ATTEMPT_S", 0.05)
    lamp = Lamp(says=[DOWN] * 50)

    async def hangs(_: Empty, __: Context) -> Made | None:
        await asyncio.sleep(30)
        return None

    lamp.look = hangs  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        assert (await lamp.run()).status == ExecutionStatus.UNKNOWN
