"""A replica that dies at any step leaves one event, and a successor that finishes what was begun."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from contracts.tool import ExecutionStatus
from services.tool import ledger
from tests.conftest import Platform, new_scope
from tests.service.tool.replica import described
from tests.service.tool.world import World, running_tool, unique


async def test_kill_9_at_three_points_of_the_way_leaves_one_event_each(world: World, platform: Platform) -> None:
    before, held, after = (replace(world, scope=new_scope()) for _ in range(3))
    titles = {name: unique(name) for name in ("token", "sent", "done")}
    commands = {
        "token": before.command(titles["token"]),
        "sent": held.command(titles["sent"]),
        "done": after.command(titles["done"]),
    }
    arrived = [asyncio.Event() for _ in range(3)]
    world.oauth.silent_for = {before.scope.user_id: arrived[0]}
    world.front.held_before = {titles["sent"].encode(): arrived[1]}
    world.front.held_after = {titles["done"].encode(): arrived[2]}

    async with dying_replica(platform, world.front.url) as victim:
        for seen_by, command in zip((before, held, after), commands.values(), strict=True):
            await world.chat.send(command, scope=seen_by.scope)
        async with asyncio.timeout(10):
            await asyncio.gather(*(event.wait() for event in arrived))
        victim.kill()
    world.front.reset()
    world.oauth.reset()
    async with running_tool(platform, world.front.url):
        outcomes = await asyncio.gather(
            *(
                seen_by.ended(command.execution_id, 45)
                for seen_by, command in zip((before, held, after), commands.values(), strict=True)
            )
        )

    assert [outcome.status for outcome in outcomes] == [ExecutionStatus.DONE] * 3
    assert [len(await world.events(title)) for title in titles.values()] == [1, 1, 1]


@pytest.mark.parametrize("step", ["claim", "finish"])
async def test_an_exception_at_a_step_of_the_ledger_leaves_one_event(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    title = unique("Crash")
    work = getattr(ledger, step)
    crashed: list[str] = []

    async def crash_once(*arguments: object) -> object:
        found = await work(*arguments)
        if not crashed:
            crashed.append(step)
            raise RuntimeError("the process dies here, before the commit")
        return found

    monkeypatch.setattr(ledger, step, crash_once)
    monkeypatch.setattr(ledger, "LEASE_S", 1.5)
    async with running_tool(platform, world.front.url):
        outcome = await world.execute(world.command(title))

    assert crashed == [step]
    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1


async def test_a_holder_that_lost_its_lease_writes_nothing(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept past its lease (a stopped process, a long pause); meanwhile another one took over and finished."""
    title = unique("Stale")
    finish, slept = ledger.finish, asyncio.Event()

    async def oversleep(tx: object, key: object, held: ledger.Claim, ending: ledger.Ending) -> None:
        if held.fence == 1 and not slept.is_set():
            slept.set()
            await tx.execute("update executions set fence = fence + 1 where execution_id = $1", held.execution_id)  # type: ignore[attr-defined]
        await finish(tx, key, held, ending)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "finish", oversleep)
    monkeypatch.setattr(ledger, "LEASE_S", 1.5)
    async with running_tool(platform, world.front.url):
        outcome = await world.execute(world.command(title))

    assert slept.is_set()
    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1


@asynccontextmanager
async def dying_replica(platform: Platform, api: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A replica in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.service.tool.replica"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{described(platform, api)}\n".encode())
    await process.stdin.drain()
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
