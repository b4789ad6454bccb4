"""NATS, then PostgreSQL, stand still for ten seconds while turns arrive: late or refused clearly, never lost."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import RunningAdjutant, running_adjutant
from tests.chaos.patient_client import finish_turn

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(60)]

OUTAGE_S = 10.0
EVERY_S = 1.0
PATIENCE_S = 35.0


@pytest.fixture(scope="module")
async def adjutant(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningAdjutant]:
    settings = {"ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "10000", "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000"}
    async with running_adjutant(tmp_path_factory.mktemp("outages") / "data", settings) as running:
        yield running


def processes_of(server: str, pid: int) -> list[int]:
    """PostgreSQL answers from child processes, which a signal to the first does not reach."""
    if server == "nats":
        return [pid]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


async def ask(client: AdjutantClient, number: int, refused: list[httpx.Response]) -> Answer:
    """One turn; a refusal is noted and the same request made again until it is taken."""
    try:
        return await client.chat("Hello", idempotency_key=f"outage-{client.email}-{number}")
    except httpx.HTTPStatusError as error:
        refused.append(error.response)
    except httpx.TransportError:
        pass  # the stream broke; the patient client below finds out what became of the turn
    return await finish_turn(client, "Hello", f"outage-{client.email}-{number}", PATIENCE_S)


@pytest.mark.parametrize("server", ["nats", "postgres"])
async def test_turns_that_arrive_during_an_outage_end_or_are_refused_clearly(
    adjutant: RunningAdjutant, server: str
) -> None:
    refused: list[httpx.Response] = []
    async with AdjutantClient(adjutant.url) as client:
        await client.sign_up(f"{server}@example.com", "correct horse battery staple")
        stopped = processes_of(server, adjutant.pids(server)[0])
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        turns = []
        try:
            for number in range(round(OUTAGE_S / EVERY_S)):
                turns.append(asyncio.create_task(ask(client, number, refused)))
                await asyncio.sleep(EVERY_S)
            waiting = sum(not turn.done() for turn in turns)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        answers = await asyncio.gather(*turns)
        after = await finish_turn(client, "Hello again", f"after-{server}", PATIENCE_S)

    sys.stdout.write(f"\n{server}: waiting at the end {waiting}, refused {len(refused)}\n")
    assert waiting or refused, "the outage was felt"
    assert [answer.outcome for answer in answers] == ["turn.completed"] * len(answers)
    assert after.outcome == "turn.completed"
    for response in refused:
        assert response.status_code == 503, response.text
        assert response.headers["content-type"].startswith("application/problem+json")
        assert int(response.headers["retry-after"]) > 0
