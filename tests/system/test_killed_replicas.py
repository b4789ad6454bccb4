"""Replicas are killed while models answer: every turn ends all the same, is paid once, and nothing stays put aside."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import RunningAdjutant, running_adjutant
from tests.service.models.scripted_server import HEAD, Scripted, event, scripted, whole
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

TURNS = 6
PATIENCE_S = 60.0
ANSWER = "All is well."
BEGUN = (HEAD, event({"content": "All "}), 60.0)
EACH = 1_000_000
"""So that a token costs a millionth of a dollar: `whole` counts five read and three written."""


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - the other side is a process
            await asyncio.sleep(0.1)


async def test_turns_of_killed_replicas_are_finished_by_others_and_charged_once() -> None:
    with tempfile.TemporaryDirectory(prefix="adjutant-killed-", ignore_cleanup_errors=True) as directory:
        async with (
            scripted(*[BEGUN] * TURNS, whole(ANSWER)) as model,
            running_adjutant(Path(directory), _settings(model), ("--replicas", "chat=2")) as adjutant,
            AdjutantClient(adjutant.url) as client,
        ):
            await client.sign_up("ada@example.com", PASSWORD)
            await client.put("/api/budgets", {"belongs_to": "user", "monthly_micros": 10**9})
            asked = [asyncio.create_task(client.chat("hi")) for _ in range(TURNS)]
            await _killed_in_the_middle(adjutant, model)
            answers: list[Answer] = await asyncio.gather(*asked)
            await until(lambda: _nothing_put_aside(client))  # what the dead had put aside is given back
            calls = (await client.get("/api/usage/calls"))["calls"]
            budget = await _budget(client)

    assert [(answer.outcome, answer.text) for answer in answers] == [("turn.completed", ANSWER)] * TURNS
    assert [call["outcome"] for call in calls] == ["completed"] * TURNS
    assert len({call["turn_id"] for call in calls}) == TURNS, "each turn once"
    assert budget["spent_micros"] == sum(call["cost_micros"] for call in calls) == TURNS * 8


async def _killed_in_the_middle(adjutant: RunningAdjutant, model: Scripted) -> None:
    async def all_asked() -> bool:
        return len(model.requests) >= TURNS

    await until(all_asked)
    for pid in adjutant.pids("chat"):
        os.kill(pid, signal.SIGKILL)


async def _budget(client: AdjutantClient) -> dict[str, Any]:
    (own,) = [each for each in await client.get("/api/budgets") if each["belongs_to"] == "user"]
    found: dict[str, Any] = own
    return found


async def _nothing_put_aside(client: AdjutantClient) -> bool:
    return bool((await _budget(client))["reserved_micros"] == 0)


def _settings(model: Scripted) -> dict[str, str]:
    only = {"name": "only", "model": "m", "base_url": model.url, "input_micros": EACH, "output_micros": EACH}
    return {
        "ADJUTANT_CHAT_DEPLOYMENTS": json.dumps([only]),
        "ADJUTANT_CHAT_TURN_S": "20",
        "ADJUTANT_CHAT_RESERVATION_SPARE_S": "1",
        "ADJUTANT_CHAT_SWEEP_EVERY_S": "1",
        "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "1000",
    }
