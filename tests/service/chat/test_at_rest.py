"""What a thief of the disks would read: nothing a user or a model said."""

import asyncpg

from contracts.envelope import Scope
from libs.runtime.run import RunningService
from tests.conftest import Platform
from tests.service.chat.model_peer import Calls, ModelPeer, Says, in_order
from tests.service.chat.peers import ToolPeer
from tests.service.chat.world import World

SECRET = "xylophone-4711"


def _secretive(model: ModelPeer) -> None:
    model.script = in_order(
        Calls((("calendar_create_event", {"title": SECRET}),), text=f"Doing {SECRET}."), Says(f"Done with {SECRET}.")
    )


async def _leaks(platform: Platform) -> list[str]:
    """Tables in which the secret can be read, as text or as bytes."""
    connection = await asyncpg.connect(platform.database.admin_url)
    leaks = []
    try:
        for schema, table in await connection.fetch("select schemaname, tablename from pg_tables"):
            if schema not in ("chat", "tool", "context"):
                continue
            for row in await connection.fetch(f'select t::text from "{schema}"."{table}" t'):  # noqa: S608 - own names
                if SECRET in row[0] or SECRET.encode().hex() in row[0]:
                    leaks.append(table)
    finally:
        await connection.close()
    return leaks


async def test_no_word_lies_readable_in_any_table_during_or_after_a_turn(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, platform: Platform, scope: Scope
) -> None:
    _secretive(model)
    during: list[str] = []
    steps: list[int] = []

    async def look(arguments: object) -> None:
        during.extend(await _leaks(platform))
        async with chat.db.reading(scope) as tx:
            steps.append(await tx.fetchval("select count(*) from turn_steps"))

    tools.before_effect = look
    followed = await world.say(scope, f"Schedule {SECRET}")
    assert SECRET in followed.text
    assert steps == [1], "the decision was saved before it was carried out"
    assert during == []
    assert await _leaks(platform) == []


async def test_no_word_lies_readable_in_any_stream_that_is_stored(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    _secretive(model)
    await world.say(scope, f"Schedule {SECRET}")
    looked_at = 0
    for stream in await world.admin.jetstream.streams_info():
        name = str(stream.config.name)
        if name == "LIVE" or not stream.state.messages:
            continue  # the live stream is memory, and forgets within minutes
        subscription = await world.admin.jetstream.subscribe(
            "*.>" if stream.config.subjects is None else stream.config.subjects[0], stream=name, ordered_consumer=True
        )
        for _ in range(stream.state.messages):
            message = await subscription.next_msg(5)
            looked_at += 1
            assert SECRET.encode() not in message.data, name
        await subscription.unsubscribe()
    assert looked_at >= 3, "two commands and an event at least"


async def test_steps_are_forgotten_when_the_turn_is_over(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    _secretive(model)
    await world.say(scope, "Schedule it")
    async with chat.db.reading(scope) as tx:
        assert await tx.fetchval("select count(*) from turn_steps") == 0
