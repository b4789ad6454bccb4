"""A completion ends: with its answer, or with a word about why not; and it is in the ledger either way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.models import CompletionStarted, CompletionStop, QuotaLeft, StartCompletion
from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.runtime.discovery import load_service
from libs.runtime.run import start_service
from libs.vault import TransitSeal
from services.chat import completions
from services.gateway import completion as gateways
from tests.conftest import Platform
from tests.service.chat.model_peer import ModelPeer, Says
from tests.service.chat.world import World

PATIENCE_S = 20.0


@dataclass
class Heard:
    """What was told of one completion so far."""

    call_id: str
    updates: list[dict[str, Any]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> dict[str, Any]:
        """The last update."""
        async with asyncio.timeout(PATIENCE_S):
            await self.ended.wait()
        return self.updates[-1]


@asynccontextmanager
async def completion(world: World, scope: Scope, seal: TransitSeal) -> AsyncIterator[Heard]:
    """One that is asked for and listened to."""
    heard = Heard(new_id("mc"))
    body = json.dumps({"messages": [{"role": "user", "content": "go on"}]})
    query = StartCompletion(call_id=heard.call_id, sealed_body=seal.seal("completion", scope, body))

    async def listen(updates: AsyncIterator[bytes]) -> None:
        async for update in updates:
            heard.updates.append(json.loads(update))
            heard.begun.set()
            if heard.updates[-1]["type"] in ("finished", "failed"):
                return heard.ended.set()
        return None

    async with world.gateway.follow("completion", heard.call_id, fresh=True) as updates:
        listening = asyncio.create_task(listen(updates))
        await world.gateway.ask(query, scope=scope, timeout_s=10)
        yield heard
        listening.cancel()


async def outcomes(db: Database, scope: Scope) -> list[str]:
    async with db.reading(scope) as tx:
        return [row["outcome"] for row in await tx.fetch("select outcome from model_calls")]


def settings_of(model: ModelPeer) -> dict[str, str]:
    return {"model_base_url": model.url, "model": "gpt-5-mini"}


async def test_a_replica_that_is_asked_to_end_finishes_the_answers_it_is_giving(
    platform: Platform, world: World, seal: TransitSeal, model: ModelPeer, scope: Scope, data_dir: Any, connect: Any
) -> None:
    gate = asyncio.Event()
    model.script = lambda text, results: Says("One two three.", gate=gate)
    run = start_service(load_service("chat"), platform.settings("chat", data_dir), **settings_of(model))
    async with run as chat, completion(world, scope, seal) as heard:
        await heard.begun.wait()
        chat.request_stop()
        asyncio.get_running_loop().call_later(0.5, gate.set)
        await chat.ended()
        assert (await heard.end())["type"] == "finished"

    assert "".join(update.get("text", "") for update in heard.updates) == "One two three."
    assert await outcomes(await connect("chat"), scope) == ["completed"]


async def test_an_answer_that_takes_longer_than_there_is_time_to_end_is_told_and_paid_for(
    platform: Platform, world: World, seal: TransitSeal, model: ModelPeer, scope: Scope, data_dir: Any, connect: Any
) -> None:
    model.script = lambda text, results: Says("One two three.", gate=asyncio.Event())
    hurried = platform.settings("chat", data_dir).model_copy(update={"grace_s": 0.5})
    run = start_service(load_service("chat"), hurried, **settings_of(model))
    async with run as chat, completion(world, scope, seal) as heard:
        await heard.begun.wait()
        chat.request_stop()
        await chat.ended()
        end = await heard.end()

    assert (end["type"], end["error"]) == ("failed", "unavailable")
    assert await outcomes(await connect("chat"), scope) == ["cancelled"]


async def test_a_stop_that_overtakes_its_completion_is_kept(
    platform: Platform, world: World, seal: TransitSeal, model: ModelPeer, scope: Scope, data_dir: Any
) -> None:
    """The client went away while the request was being admitted."""
    model.script = lambda text, results: Says("One two three.", gate=asyncio.Event())
    run = start_service(load_service("chat"), platform.settings("chat", data_dir), **settings_of(model))
    async with run as chat:
        call_id = new_id("mc")
        stop = CompletionStop(call_id=call_id).model_dump_json().encode()
        await world.gateway.live("completion_stop", call_id).publish(stop)
        body = json.dumps({"messages": [{"role": "user", "content": "go on"}]})
        query = StartCompletion(call_id=call_id, sealed_body=seal.seal("completion", scope, body))
        await world.gateway.ask(query, scope=scope, timeout_s=10)
        async with asyncio.timeout(PATIENCE_S):
            while await outcomes(chat.db, scope) != ["cancelled"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert model.requests == []


async def test_a_replica_that_is_at_work_says_so_and_one_that_died_is_found_out(
    platform: Platform,
    world: World,
    seal: TransitSeal,
    model: ModelPeer,
    scope: Scope,
    data_dir: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(completions, "BEAT_S", 0.05)
    monkeypatch.setattr(gateways, "SILENCE_S", 1.0)
    gate = asyncio.Event()
    model.script = lambda text, results: Says("One two three.", gate=gate)
    run = start_service(load_service("chat"), platform.settings("chat", data_dir), **settings_of(model))
    async with run, completion(world, scope, seal) as heard:
        async with asyncio.timeout(PATIENCE_S):
            while [update["type"] for update in heard.updates].count("alive") < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        gate.set()
        assert (await heard.end())["type"] == "finished"
    assert [update["n"] for update in heard.updates] == list(range(1, len(heard.updates) + 1))

    async def told() -> AsyncIterator[bytes]:
        for update in heard.updates[:-1]:
            yield json.dumps(update).encode()
        await asyncio.Event().wait()

    left = QuotaLeft(requests_per_minute=1, requests_per_day=1, day_left=1, tokens_per_hour=1, hour_tokens_left=1)
    found = gateways.Completion(CompletionStarted(call_id=heard.call_id, quota=left), told(), 0)
    with pytest.raises(Unavailable):
        await found.all()
