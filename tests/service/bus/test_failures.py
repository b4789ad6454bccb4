"""What becomes of messages that cannot be handled: later attempts, dead letters, replay."""

import asyncio

import pytest

from contracts.chat import RunTurn, StopTurn, TurnCompleted
from contracts.envelope import Envelope
from contracts.ids import new_id
from libs.bus import Call, deadletter, handle, handle_long, publish, react, retries
from libs.bus.deadletter import DeadLetterNotFound, DeadLetterSettled
from libs.db import Transaction
from libs.resilience.errors import InvalidInput
from tests.service.bus.world import Deps, World, a_scope, until


@pytest.fixture
def quick_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule of production takes thirteen minutes."""
    monkeypatch.setattr(retries, "SCHEDULE_S", (0.05, 0.05, 0.05, 0.05, 0.05))


async def failing(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    await tx.execute("INSERT INTO notes (text) VALUES ('half done')")
    deps.seen.append(event)
    raise RuntimeError("the handler has a defect")


async def refusing(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    deps.seen.append(event)
    raise InvalidInput("this will never fit")


async def taking(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    await tx.execute("INSERT INTO notes (text) VALUES ('done')")
    deps.seen.append(event)


async def notes(deps: Deps) -> list[str]:
    async with deps.db.reading(None) as tx:
        return [row["text"] for row in await tx.fetch("SELECT text FROM notes ORDER BY id")]


async def dead(deps: Deps) -> list[deadletter.DeadLetter]:
    return await deadletter.listed(deps.db)


async def an_event(chat: Deps) -> str:
    async with chat.db.transaction(a_scope()) as tx:
        return await publish(tx, TurnCompleted.example())


async def test_a_handler_that_fails_is_tried_again_and_its_half_work_is_undone(
    world: World, quick_schedule: None
) -> None:
    async def failing_twice(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
        await taking(event, tx, deps)
        if len(deps.seen) < 3:
            raise RuntimeError("not yet")

    async with world.service("context", react(TurnCompleted, failing_twice)) as context, world.service("chat") as chat:
        await an_event(chat)
        await until(lambda: len(context.seen) == 3)
        await asyncio.sleep(0.2)

        assert await notes(context) == ["done"]
        assert await dead(context) == []


async def test_the_sixth_failure_becomes_a_dead_letter_and_the_stream_goes_on(
    world: World, quick_schedule: None
) -> None:
    async with world.service("context", react(TurnCompleted, failing)) as context, world.service("chat") as chat:
        event_id = await an_event(chat)
        await until(lambda: dead(context), timeout_s=15)

        (letter,) = await dead(context)
        assert (letter.event_id, letter.consumer, letter.attempts) == (event_id, "context_turn_completed", 6)
        assert (letter.error_slug, letter.error_detail) == ("internal_error", "RuntimeError")
        assert len(context.seen) == 6
        assert await notes(context) == []
        async with world.admin() as jetstream:
            await until(lambda: settled(jetstream))


async def settled(jetstream: object) -> bool:
    info = await jetstream.consumer_info("EVT_CHAT", "context_turn_completed")  # type: ignore[attr-defined]
    return bool(info.num_ack_pending == 0 and info.num_pending == 0)


async def test_a_permanent_error_becomes_a_dead_letter_at_the_first_attempt(world: World) -> None:
    async with world.service("context", react(TurnCompleted, refusing)) as context, world.service("chat") as chat:
        await an_event(chat)
        await until(lambda: dead(context))

        (letter,) = await dead(context)
        assert (letter.error_slug, letter.attempts) == ("invalid_input", 1)


MALFORMED = (b"", b"\x00", b"null", b"[]", b"{}", b"{", b"\xff\xfe", b'{"turn_id": 7}', b"[" * 5000, b"1e400")


@pytest.mark.parametrize("body", MALFORMED, ids=[repr(body[:16]) for body in MALFORMED])
async def test_a_body_that_does_not_fit_its_contract_becomes_a_dead_letter_at_once(world: World, body: bytes) -> None:
    scope = a_scope()
    async with world.service("context", react(TurnCompleted, taking)) as context, world.admin() as jetstream:
        headers = Envelope.around(TurnCompleted, source="chat", scope=scope).headers()
        await jetstream.publish(f"{TurnCompleted.subject}.{scope.user_id}", body, headers=headers)
        await until(lambda: dead(context))

        (letter,) = await dead(context)
        assert (letter.error_slug, letter.attempts, letter.body) == ("malformed_message", 1, body)
        assert context.seen == []


async def test_a_message_without_envelope_becomes_a_dead_letter_at_once(world: World) -> None:
    async with world.service("context", react(TurnCompleted, taking)) as context, world.admin() as jetstream:
        await jetstream.publish(f"{TurnCompleted.subject}._", TurnCompleted.example().model_dump_json().encode())
        await until(lambda: dead(context))

        (letter,) = await dead(context)
        assert letter.error_slug == "malformed_message"


async def test_a_replayed_dead_letter_is_handled_once_the_handler_is_mended(world: World) -> None:
    async with world.service("chat") as chat:
        async with world.service("context", react(TurnCompleted, refusing)) as context:
            await an_event(chat)
            await until(lambda: dead(context))
        async with world.service("context", react(TurnCompleted, taking)) as context, world.admin() as jetstream:
            (letter,) = await dead(context)
            await deadletter.replay(context.db, jetstream, letter.id)
            await until(lambda: context.seen)

            await until(lambda: settled(jetstream))
            assert await notes(context) == ["done"]
            assert (await deadletter.show(context.db, letter.id)).state == "replayed"
            with pytest.raises(DeadLetterSettled):
                await deadletter.replay(context.db, jetstream, letter.id)


async def test_a_discarded_dead_letter_stays_as_a_record_and_is_listed_no_more(world: World) -> None:
    async with world.service("context", react(TurnCompleted, refusing)) as context, world.service("chat") as chat:
        await an_event(chat)
        await until(lambda: dead(context))
        (letter,) = await dead(context)

        await deadletter.discard(context.db, letter.id)

        assert await dead(context) == []
        assert (await deadletter.show(context.db, letter.id)).state == "discarded"
        with pytest.raises(DeadLetterNotFound):
            await deadletter.show(context.db, letter.id + 1000)


async def test_a_long_handler_keeps_its_message_while_it_works(world: World) -> None:
    async def run_turn(command: RunTurn, call: Call, deps: Deps) -> None:
        deps.seen.append(call.attempt)
        await asyncio.sleep(13)  # longer than ack_wait, which is ten seconds

    async with world.service("chat", handle_long(RunTurn, run_turn)) as chat, world.connected("gateway") as gateway:
        await gateway.send(RunTurn.example(), scope=a_scope())
        await asyncio.sleep(14)

        assert chat.seen == [1]
        async with world.admin() as jetstream:
            info = await jetstream.consumer_info("CMD_CHAT", "chat_run_turn")
            assert (info.num_ack_pending, info.num_redelivered) == (0, 0)


async def test_stopping_finishes_what_runs_and_hands_back_what_waits(world: World) -> None:
    begun = asyncio.Event()

    async def slow(command: StopTurn, tx: Transaction, deps: Deps) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        deps.seen.append(command)

    async with world.connected("gateway") as gateway:
        for _ in range(3):
            await gateway.send(StopTurn.example(), scope=a_scope())
        async with world.service("chat", handle(StopTurn, slow, at_once=1)) as first:
            await begun.wait()
        assert len(first.seen) == 1

        async with world.service("chat", handle(StopTurn, slow, at_once=3)) as second:
            await until(lambda: len(second.seen) == 2, timeout_s=4)


async def test_a_long_handler_that_does_not_end_in_time_is_cancelled_and_goes_on_elsewhere(world: World) -> None:
    async def run_turn(command: RunTurn, call: Call, deps: Deps) -> None:
        deps.seen.append(call.attempt)
        if call.attempt == 1:
            await asyncio.Event().wait()

    async with world.connected("gateway") as gateway, world.database("chat") as db, world.connected("chat") as bus:
        first = Deps(db, bus)
        await bus.start((handle_long(RunTurn, run_turn),), first, db)
        await gateway.send(RunTurn.example(), scope=a_scope())
        await until(lambda: first.seen)
        await bus.stop(grace_s=0.2)

        async with world.service("chat", handle_long(RunTurn, run_turn)) as second:
            await until(lambda: second.seen == [2], timeout_s=4)


async def test_the_same_command_sent_twice_is_stored_once(world: World) -> None:
    command_id = new_id("evt")
    async with world.connected("gateway") as gateway, world.admin() as jetstream:
        for _ in range(2):
            assert await gateway.send(StopTurn.example(), scope=a_scope(), id=command_id) == command_id

        assert (await jetstream.stream_info("CMD_CHAT")).state.messages == 1
