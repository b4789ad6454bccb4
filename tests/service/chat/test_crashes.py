"""A replica that dies anywhere in a turn leaves a successor that goes on, and no effect twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import Scope
from libs.db import Database, Transaction
from libs.runtime.discovery import load_service
from libs.runtime.run import RunningService, start_service
from services.chat import turn_rows
from tests.conftest import Platform, new_scope
from tests.service.chat.conftest import Start
from tests.service.chat.model_peer import Calls, ModelPeer, Says
from tests.service.chat.peers import ContextPeer, ToolPeer
from tests.service.chat.world import Followed, World

POINTS = ("asked", "speaking", "decided", "done", "reporting")


@asynccontextmanager
async def replica(platform: Platform, data_dir: Path, model_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Chat in a process of its own, ready."""
    settings = {
        "ADJUTANT_NATS_URL": platform.nats.url_for("chat"),
        "ADJUTANT_DATABASE_URL": platform.database.url("chat"),
        "ADJUTANT_MASTER_KEYS": platform.master_keys,
        "ADJUTANT_DATA_DIR": str(data_dir),
        "ADJUTANT_TRACE_FILE_MB": "0",
        "ADJUTANT_CHAT_MODEL_BASE_URL": model_url,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ADJUTANT_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.runtime.cli", "service", "chat"),
        env=inherited | settings,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        async with asyncio.timeout(30):
            while b"service_ready" not in (line := await process.stderr.readline()):
                assert line, "it ended before it was ready"
        reading = asyncio.create_task(process.stderr.read())  # a full pipe would stop it
        yield process
        reading.cancel()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


class Stage:
    """Lets a turn stand still at the point that its user names, until the curtain rises."""

    def __init__(self) -> None:
        self.arrived = {point: asyncio.Event() for point in POINTS}
        self.curtain = asyncio.Event()

    async def before_effect(self, arguments: dict[str, Any]) -> None:
        """The decision is saved, nothing is done."""
        await self._stand("decided", arguments["title"])

    async def after_effect(self, arguments: dict[str, Any]) -> None:
        """It is done, and chat does not know."""
        await self._stand("done", arguments["title"])

    async def _stand(self, point: str, title: str) -> None:
        if title == point:
            self.arrived[point].set()
            await self.curtain.wait()

    def model(self, text: str, results: list[str]) -> Any:
        """Says or calls, and stands before or after the first word."""
        if text == "asked" or results:
            self.arrived.get(text, asyncio.Event()).set()
        if text in ("asked", "speaking"):
            stands = {"before": self.curtain} if text == "asked" else {"gate": self.curtain}
            return Says(f"{text} is answered", **stands)
        if not results:
            return Calls((("calendar_create_event", {"title": text}),), text="Let me see.")
        return Says(f"{text} is answered", gate=self.curtain)


async def test_kill_9_at_five_points_of_a_turn(
    platform: Platform, data_dir: Path, world: World, tools: ToolPeer, context: ContextPeer, model: ModelPeer
) -> None:
    """Five turns stand still, each at another point, when their replica dies."""
    stage = Stage()
    tools.before_effect, tools.after_effect, model.script = stage.before_effect, stage.after_effect, stage.model
    scopes = {point: new_scope() for point in POINTS}
    commands = {point: world.command(scopes[point], point) for point in POINTS}
    async with replica(platform, data_dir, model.url) as victim:
        for point in POINTS:
            await world.send(commands[point], scopes[point])
        await world.follow(commands["speaking"].turn_id, until=frozenset({"token"}))
        stage.arrived["speaking"].set()
        async with asyncio.timeout(30):
            await asyncio.gather(*(event.wait() for event in stage.arrived.values()))
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
    async with replica(platform, data_dir, model.url):
        stage.curtain.set()
        followed = dict(zip(POINTS, await _all_followed(world, commands.values()), strict=True))
        kept = {point: await world.conversation(commands[point].conversation_id, scopes[point]) for point in POINTS}
    for point, seen in followed.items():
        assert seen.end.type == "turn.completed", point
        assert seen.text.endswith(f"{point} is answered"), point
        assert "turn.restarted" in seen.types, point
        assert [message.role for message in kept[point].messages] == ["user", "assistant"], point
        assert kept[point].messages[1].text == seen.text, point
    assert [len(tools.effects_on(point)) for point in POINTS] == [0, 0, 1, 1, 1]


async def _all_followed(world: World, commands: Any) -> list[Followed]:
    return list(await asyncio.gather(*(world.follow(command.turn_id) for command in commands)))


class Dies(RuntimeError):
    """In place of the process."""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_before_or_after_each_commit_of_a_turn(
    start_chat: Start,
    world: World,
    tools: ToolPeer,
    context: ContextPeer,
    model: ModelPeer,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    """Claim, decision, outcome, end: one turn each for the four."""
    monkeypatch.setattr(turn_rows, "LEASE_S", 0.5)
    scopes = [new_scope() for _ in range(4)]
    dies_in = {scope.user_id: number for number, scope in enumerate(scopes, 1)}
    counted: dict[str, int] = {}
    transaction = Database.transaction

    @asynccontextmanager
    async def dying(self: Database, scope: Scope | None) -> AsyncIterator[Transaction]:
        async with transaction(self, scope) as tx:
            yield tx
            if self.schema != "chat" or scope is None:
                return
            counted[scope.user_id] = counted.get(scope.user_id, 0) + 1
            if when == "before" and counted[scope.user_id] == dies_in[scope.user_id]:
                raise Dies
        if counted[scope.user_id] == dies_in[scope.user_id]:
            counted[scope.user_id] += 1
            raise Dies

    def script(text: str, results: list[str]) -> Any:
        return Says(f"{text} is done") if results else Calls((("calendar_create_event", {"title": text}),))

    model.script = script
    await start_chat(model_base_url=model.url)
    monkeypatch.setattr(Database, "transaction", dying)
    commands = [world.command(scope, f"meeting {number}") for number, scope in enumerate(scopes, 1)]
    for command, scope in zip(commands, scopes, strict=True):
        await world.send(command, scope)
    for number, followed in enumerate(await _all_followed(world, commands), 1):
        assert followed.end.type == "turn.completed", number
        assert followed.text == f"meeting {number} is done", number
        assert len(tools.effects_on(f"meeting {number}")) == 1, number
    for command, scope in zip(commands, scopes, strict=True):
        kept = await world.conversation(command.conversation_id, scope)
        assert [message.role for message in kept.messages] == ["user", "assistant"]
        assert len(await world.completed(scope)) == 1


async def test_a_successor_that_finds_no_tool_service_does_not_call_an_effect_undone(
    start_chat: Start,
    world: World,
    tools: ToolPeer,
    context: ContextPeer,
    model: ModelPeer,
    scope: Scope,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first replica dies after the effect, the second one is told of no tools at all."""
    monkeypatch.setattr(turn_rows, "LEASE_S", 0.5)
    remember = turn_rows.remember
    died: list[int] = []

    async def dying(tx: Any, key: Any, turn_id: str, fence: int, n: int, step: Any) -> None:
        if n == 2 and not died:
            died.append(n)
            tools.tools = ()
            context.timezone = "America/New_York"
            raise Dies
        await remember(tx, key, turn_id, fence, n, step)

    monkeypatch.setattr(turn_rows, "remember", dying)
    model.script = lambda text, results: (
        Says(f"Told: {results[0]}") if results else Calls((("calendar_create_event", {"title": "Once"}),))
    )
    await start_chat(model_base_url=model.url)
    followed = await world.say(scope, "Schedule it")
    assert died
    assert '"event_id"' in followed.text
    assert len(tools.effects) == 1
    assert set(tools.timezones) == {"Europe/Berlin"}


async def test_a_replica_that_is_told_to_end_hands_its_turn_over_at_once(
    platform: Platform, data_dir: Path, world: World, tools: ToolPeer, context: ContextPeer, model: ModelPeer
) -> None:
    """Its grace is over while the model still speaks: the successor does not wait for any lease."""
    scope, gate = new_scope(), asyncio.Event()
    model.script = lambda text, results: Says("spoken to the end", gate=gate)
    command = world.command(scope, "Hello")
    settings = platform.settings("chat", data_dir).model_copy(update={"grace_s": 0.2})
    async with start_service(load_service("chat"), settings, model_base_url=model.url):
        await world.send(command, scope)
        await world.follow(command.turn_id, until=frozenset({"token"}))
    gate.set()
    async with start_service(load_service("chat"), settings, model_base_url=model.url), asyncio.timeout(5):
        followed = await world.follow(command.turn_id)
    assert followed.end.type == "turn.completed"
    assert followed.text == "spoken to the end"


async def test_a_turn_under_anothers_lease_is_left_alone_until_the_lease_ends(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    command = world.command(scope, "Hello")
    async with chat.db.transaction(scope) as tx:
        await tx.execute(
            """insert into turns (turn_id, conversation_id, status, fence, lease_until, accepted_at)
               values ($1, $2, 'running', 4, clock_timestamp() + interval '2 seconds', now())""",
            command.turn_id,
            command.conversation_id,
        )
    await world.send(command, scope)
    await asyncio.sleep(1)
    assert model.requests == []
    followed = await world.follow(command.turn_id)
    assert followed.end.type == "turn.completed"
    async with chat.db.reading(scope) as tx:
        assert await tx.fetchval("select fence from turns where turn_id = $1", command.turn_id) == 5
