"""The bus against its parts alone: an event from commit to handled, events per second, and a question with its answer.

Everything runs in one process here, on real servers that flush to disk before they confirm. Baselines of the same
run: raw JetStream publish and delivery, a raw SQL transaction per event, a raw NATS request.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from contracts.chat import GetTurn, TurnCompleted, TurnStatus, TurnView
from contracts.envelope import Scope
from contracts.ids import ConversationId, TurnId, new_id
from libs.bus import Bus, Call, answer, publish, react
from libs.db import Transaction
from tests.benchmarks.report import Measurement, percentile
from tests.service.bus.world import ADMIN, Deps, World, a_scope

IDLE_EVENTS = 100
BUSY_EVENTS = 4_000
ASKED = 1_500
PATIENCE_S = 60.0
VIEW = TurnView(turn_id=TurnId(new_id("t")), conversation_id=ConversationId(new_id("c")), status=TurnStatus.RUNNING)


async def run() -> None:
    """Print the three measurements."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # noqa: S103 - PostgreSQL runs as a user of its own and has to enter
        world = World(Path(directory))
        await world.start()
        try:
            async with (
                world.service("context", react(TurnCompleted, _note)) as context,
                world.service("chat", answer(GetTurn, _get_turn)) as chat,
                world.connected("gateway") as gateway,
            ):
                async with world.admin() as jetstream:
                    await _idle(chat, context, jetstream)
                await _busy(chat, context)
                client = await nats.connect(world.nats.url_for(ADMIN))
                await _asked(gateway, client)
                await client.close()
        finally:
            await world.stop()


async def _note(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    await tx.execute("INSERT INTO notes(text) VALUES ($1)", event.turn_id)
    deps.seen.append(time.perf_counter())


async def _get_turn(query: GetTurn, call: Call, deps: Deps) -> TurnView:
    return VIEW


async def _handled(deps: Deps, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(deps.seen) < count:  # noqa: ASYNC110 - half a millisecond of error, nothing added to what is measured
            await asyncio.sleep(0.0005)


async def _idle(chat: Deps, context: Deps, jetstream: JetStreamContext) -> None:
    scope, taken = a_scope(), []
    for number in range(IDLE_EVENTS):
        async with chat.db.transaction(scope) as tx:
            await publish(tx, TurnCompleted.example())
        committed = time.perf_counter()
        await _handled(context, number + 1)
        taken.append(context.seen[-1] - committed)
    raw = await _raw_jetstream(jetstream)
    value, baseline = percentile(taken, 0.5) * 1000, percentile(raw, 0.5) * 1000
    Measurement("bus", "commit_to_handled_p50_idle", value, "ms", baseline, 15).print()


async def _raw_jetstream(jetstream: JetStreamContext) -> list[float]:
    """Publish, confirmed: what one event costs NATS alone."""
    taken = []
    for _ in range(IDLE_EVENTS):
        started = time.perf_counter()
        await jetstream.publish(f"evt.chat.bench.published.v1.{new_id('u')}", b"{}", stream="EVT_CHAT")
        taken.append(time.perf_counter() - started)
    return taken


async def _busy(chat: Deps, context: Deps) -> None:
    scopes = [a_scope() for _ in range(100)]
    before = len(context.seen)
    started = time.perf_counter()
    for scope in scopes:
        async with chat.db.transaction(scope) as tx:
            for _ in range(BUSY_EVENTS // len(scopes)):
                await publish(tx, TurnCompleted.example())
    await _handled(context, before + BUSY_EVENTS)
    rate = BUSY_EVENTS / (time.perf_counter() - started)
    baseline = await _raw_sql(chat, scopes)
    Measurement("bus", "events_per_second_busy", rate, "1/s", baseline, 1_500, "higher").print()


async def _raw_sql(chat: Deps, scopes: list[Scope]) -> float:
    """Transactions per second of one insert each, sixteen at once: what handling costs PostgreSQL alone."""
    left = iter(range(BUSY_EVENTS))

    async def write() -> None:
        for number in left:
            async with chat.db.transaction(scopes[number % len(scopes)]) as tx:
                await tx.execute("INSERT INTO inbox (consumer, event_id) VALUES ('bench', $1)", new_id("evt"))

    started = time.perf_counter()
    await asyncio.gather(*(write() for _ in range(16)))
    return BUSY_EVENTS / (time.perf_counter() - started)


async def _asked(gateway: Bus, client: Client) -> None:
    scope, query = a_scope(), GetTurn.example()
    taken = []
    for _ in range(ASKED):
        started = time.perf_counter()
        await gateway.ask(query, scope=scope)
        taken.append(time.perf_counter() - started)
    raw = await _raw_request(client)
    Measurement("bus", "ask_p50", percentile(taken, 0.5) * 1000, "ms", percentile(raw, 0.5) * 1000, 0.8).print()


async def _raw_request(client: Client) -> list[float]:
    """A request that a bare subscription answers, over the same kind of connection."""

    async def echo(message: Msg) -> None:
        await message.respond(message.data)

    await client.subscribe("bench.echo", cb=echo)
    taken = []
    for _ in range(ASKED):
        started = time.perf_counter()
        await client.request("bench.echo", b"{}", timeout=2)
        taken.append(time.perf_counter() - started)
    return taken
