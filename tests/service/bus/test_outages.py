"""NATS and PostgreSQL are killed and come back: nothing accepted is lost, nothing is handled twice."""

import asyncio
import os
import signal
import time
from collections import Counter

import pytest

from contracts.chat import GetTurn, RunTurn, TurnCompleted, TurnId, TurnView
from contracts.ids import new_id
from libs.bus import Bus, BusUnavailable, Call, answer, deadletter, handle_long, publish, react
from libs.bus.connection import administering
from libs.db import Transaction
from tests.service.bus.test_live import numbers, update
from tests.service.bus.test_queries import VIEW
from tests.service.bus.world import Deps, World, a_scope, until


async def remember_turn(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    await tx.execute("INSERT INTO notes (text) VALUES ($1)", event.turn_id)


async def run_turn(command: RunTurn, call: Call, deps: Deps) -> None:
    deps.seen.append(command.turn_id)


async def get_turn(query: GetTurn, call: Call, deps: Deps) -> TurnView:
    return VIEW


async def remembered(deps: Deps) -> Counter[str]:
    async with deps.db.reading(None) as tx:
        return Counter(row["text"] for row in await tx.fetch("SELECT text FROM notes"))


async def kill_and_restart_nats(world: World, away_s: float = 0.5) -> None:
    assert world.nats.pid
    os.kill(world.nats.pid, signal.SIGKILL)
    await until(lambda: world.nats.pid is None)
    await asyncio.sleep(away_s)
    await world.nats.ensure_running()


async def kill_and_restart_postgres(world: World, away_s: float) -> None:
    assert world.postgres.pid
    os.kill(world.postgres.pid, signal.SIGKILL)
    await until(lambda: world.postgres.pid is None)
    await asyncio.sleep(away_s)
    await world.postgres.ensure_running()


def an_event() -> TurnCompleted:
    return TurnCompleted.example().model_copy(update={"turn_id": TurnId(new_id("t"))})


async def test_events_survive_a_killed_nats_while_they_are_written_and_handled(world: World) -> None:
    written: Counter[str] = Counter()
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.service("chat") as chat:

        async def write() -> None:
            for _ in range(300):
                event = an_event()
                async with chat.db.transaction(a_scope()) as tx:
                    await publish(tx, event)
                written[event.turn_id] += 1
                await asyncio.sleep(0.005)

        writing = asyncio.create_task(write())
        for _ in range(2):
            await asyncio.sleep(0.4)
            await kill_and_restart_nats(world)
        await writing

        async def all_there() -> bool:
            return len(await remembered(context)) == len(written)

        await until(all_there, timeout_s=30)
        assert await remembered(context) == written
        assert await deadletter.listed(context.db) == []


async def test_a_command_sent_while_nats_restarts_is_accepted_or_refused_and_never_lost(world: World) -> None:
    accepted: list[str] = []
    async with world.service("chat", handle_long(RunTurn, run_turn)) as chat, world.connected("gateway") as gateway:

        async def send() -> None:
            for _ in range(60):
                turn = TurnId(new_id("t"))
                try:
                    await gateway.send(RunTurn.example().model_copy(update={"turn_id": turn}), scope=a_scope())
                except BusUnavailable:
                    continue
                accepted.append(turn)
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.2)
        await kill_and_restart_nats(world)
        await sending

        await until(lambda: set(accepted) <= set(chat.seen), timeout_s=20)
        assert accepted


async def test_queries_and_live_messages_work_again_after_nats_was_killed(world: World) -> None:
    async with world.service("chat", answer(GetTurn, get_turn)) as chat, world.connected("gateway") as gateway:
        await kill_and_restart_nats(world, away_s=0)
        began = time.monotonic()

        async def answered() -> bool:
            try:
                return await gateway.ask(GetTurn.example(), scope=a_scope(), timeout_s=0.5) == VIEW
            except Exception:
                return False

        await until(answered)
        assert time.monotonic() - began < 5
        turn = new_id("t")
        await until(lambda: remembers_live(chat.bus, turn))
        async with gateway.follow("turn", turn) as updates:
            assert await numbers(updates, 1) == [1]


async def remembers_live(bus: Bus, turn: str) -> bool:
    """Whether the stream in memory, which the server forgot, was made again."""
    await bus.live("turn", turn).publish(update(1))
    await asyncio.sleep(0.05)
    return await bus.last_live("turn", turn) is not None


async def test_an_outage_of_postgres_costs_no_attempt_and_loses_nothing(world: World) -> None:
    attempts: Counter[str] = Counter()

    async def counting(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
        attempts[event.turn_id] += 1
        await remember_turn(event, tx, deps)

    events = [an_event() for _ in range(100)]
    async with world.service("context", react(TurnCompleted, counting)) as context, world.service("chat") as chat:
        async with chat.db.transaction(a_scope()) as tx:
            for event in events:
                await publish(tx, event)
        await kill_and_restart_postgres(world, away_s=1.5)

        async def all_there() -> bool:
            return len(await remembered(context)) == len(events)

        await until(all_there, timeout_s=100)
        assert set((await remembered(context)).values()) == {1}
        assert await deadletter.listed(context.db) == []


async def test_a_service_stops_in_order_while_nats_is_away(world: World) -> None:
    async with world.database("chat") as db, world.connected("chat") as bus:
        await bus.start((answer(GetTurn, get_turn), handle_long(RunTurn, run_turn)), Deps(db, bus), db)
        async with db.transaction(a_scope()) as tx:
            await publish(tx, an_event())
        assert world.nats.pid
        os.kill(world.nats.pid, signal.SIGKILL)
        await until(lambda: not bus.connected)
        began = time.monotonic()

        try:
            await bus.stop(grace_s=1)
            await bus.close()

            assert time.monotonic() - began < 8
        finally:
            await world.nats.ensure_running()


async def test_an_administrator_without_nats_is_told_so(world: World) -> None:
    with pytest.raises(BusUnavailable):
        async with administering("nats://127.0.0.1:1"):
            pass
