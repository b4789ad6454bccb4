"""100 turns that each create one calendar event, while every part of the system is killed in turn.

The short version kills each part once; `make chaos` goes round again and again. Counts are printed; a run in
which fewer than 95 % of the turns succeeded proves nothing and fails.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import RunningAdjutant, running_adjutant
from tests.chaos.patient_client import finish_turn, until

TURNS = 100
CLIENTS = 5
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
PATIENCE_S = 150.0
VICTIMS = ("chat", "tool", "gateway", "nats", "postgres")

pytestmark = [pytest.mark.chaos, pytest.mark.early, pytest.mark.timeout(600 * ROUNDS)]


async def test_a_hundred_turns_survive_the_death_of_every_part_and_create_a_hundred_events(data_dir: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
    sys.stdout.write(f"\nchaos seed {seed}\n")
    async with Sandbox(data_dir / "sandbox") as sandbox:
        settings = sandbox.settings() | {
            "ADJUTANT_CHAT_MODEL_BASE_URL": "",  # the offline engine: same words, same plan, in every attempt
            "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "10000",
            "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000",
        }
        async with running_adjutant(data_dir / "data", settings) as adjutant:
            client = await _connected_user(adjutant, sandbox)
            async with client:
                try:
                    answers, kills = await _turns_under_fire(adjutant, client, random.Random(seed))  # noqa: S311
                finally:
                    errors = [line for line in adjutant.log.read_text().splitlines() if '"level":"error"' in line]
                    sys.stdout.write("\n".join([f"{len(errors)} errors logged", *errors, ""]))
            titles = Counter(event["summary"] for event in await sandbox.calendar_events())
    created = [titles[f"Chaos {number}"] for number in range(TURNS)]
    ended = sum(answer.outcome == "turn.completed" for answer in answers)
    sys.stdout.write(
        f"turns {TURNS}, completed {ended}, kills {kills}, events lost {created.count(0)}, "
        f"doubled {sum(count > 1 for count in created)}\n"
    )
    assert [answer.outcome for answer in answers].count("") == 0, "every accepted turn ends"
    assert ended >= 0.95 * TURNS, "a run in which most turns fail proves nothing"
    told = {number: answers[number].text for number in range(TURNS) if created[number] != 1}
    assert not told, f"each turn's event exists exactly once; these users were told: {told}"


async def _connected_user(adjutant: RunningAdjutant, sandbox: Sandbox) -> AdjutantClient:
    client = AdjutantClient(adjutant.url)
    await client.sign_up("ada@example.com", "correct horse battery staple", timezone="UTC")
    for provider in ("gmail", "calendar"):
        connected = await client.connect(provider, log_in)
        assert connected.status_code < 400, connected.text
    return client


async def _turns_under_fire(
    adjutant: RunningAdjutant, client: AdjutantClient, chance: random.Random
) -> tuple[list[Answer], int]:
    waiting = asyncio.Queue[int]()
    for number in range(TURNS):
        waiting.put_nowait(number)
    answers: dict[int, Answer] = {}

    async def work() -> None:
        while not waiting.empty():
            number = waiting.get_nowait()
            answers[number] = await finish_turn(client, _request(number), f"chaos-{number}", PATIENCE_S)

    workers = [asyncio.create_task(work()) for _ in range(CLIENTS)]
    kills = 0
    for victim in VICTIMS * ROUNDS:
        share = (kills + 1) / (len(VICTIMS) * ROUNDS + 1)
        await until(lambda goal=share * TURNS: len(answers) >= goal, PATIENCE_S, "progress between two kills")  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, 0.3))  # hit a different line each time
        gone = adjutant.kill(victim)
        kills += 1
        await until(
            lambda who=victim, dead=gone: dead not in adjutant.pids(who),
            30,
            f"the restart of {victim}",  # type: ignore[misc]
        )
    await asyncio.gather(*workers)
    return [answers[number] for number in range(TURNS)], kills


def _request(number: int) -> str:
    start = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0) + timedelta(minutes=30 * number)
    return f'Schedule "Chaos {number}" with Sarah on {start:%Y-%m-%d} at {start:%H:%M}'
