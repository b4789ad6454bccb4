"""Events: written with the state, delivered at least once, handled once."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from nats.js.errors import NoStreamResponseError

from contracts.chat import TurnCompleted
from contracts.envelope import Envelope
from contracts.gateway import UserRegistered
from contracts.ids import new_id
from libs.bus import publish, react, send_later
from libs.bus.outbox import NotInContract
from libs.bus.relay import Relay, republish_since
from libs.db import Transaction
from tests.service.bus.world import Deps, World, a_scope, until


async def remember_turn(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
    await tx.execute("INSERT INTO notes (text) VALUES ($1)", f"{tx.scope.user_id if tx.scope else '-'} {event.turn_id}")
    deps.seen.append(event)


async def count(deps: Deps, table: str, where: str = "true") -> int:
    async with deps.db.reading(None) as tx:
        number: int = await tx.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608
        return number


async def test_an_event_of_a_committed_transaction_reaches_its_hearer_under_the_same_user(world: World) -> None:
    scope = a_scope()
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.service("chat") as chat:
        async with chat.db.transaction(scope) as tx:
            await publish(tx, TurnCompleted.example())

        await until(lambda: context.seen)

        assert context.seen == [TurnCompleted.example()]
        assert await count(context, "notes", f"text LIKE '{scope.user_id} %'") == 1
        await until(lambda: sent(chat))


async def sent(deps: Deps) -> bool:
    return await count(deps, "outbox", "sent_at IS NOT NULL") == await count(deps, "outbox")


async def test_an_event_of_a_rolled_back_transaction_never_leaves(world: World) -> None:
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.service("chat") as chat:
        with contextlib.suppress(InterruptedError):
            async with chat.db.transaction(a_scope()) as tx:
                await publish(tx, TurnCompleted.example())
                raise InterruptedError("changed my mind")
        async with chat.db.transaction(a_scope()) as tx:
            await publish(tx, TurnCompleted.example())

        await until(lambda: context.seen)

        assert await count(chat, "outbox") == 1


async def test_a_message_that_the_contracts_do_not_let_a_service_send_is_refused_at_once(world: World) -> None:
    async with world.database("voice") as db, db.transaction(a_scope()) as tx:
        with pytest.raises(NotInContract):
            await publish(tx, TurnCompleted.example())


async def test_a_message_delivered_three_times_is_handled_once(world: World) -> None:
    scope = a_scope()
    envelope = Envelope.around(TurnCompleted, source="chat", scope=scope)
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.admin() as jetstream:
        for _ in range(3):
            # Different message ids: the duplicate window of the stream does not recognise them, the inbox does.
            headers = {**envelope.headers(), "Nats-Msg-Id": new_id("evt")}
            subject = f"{TurnCompleted.subject}.{scope.user_id}"
            await jetstream.publish(subject, TurnCompleted.example().model_dump_json().encode(), headers=headers)
        await until(lambda: acknowledged(jetstream, 3))

        assert await count(context, "notes") == 1
        assert len(context.seen) == 1


async def acknowledged(jetstream: object, messages: int) -> bool:
    info = await jetstream.consumer_info("EVT_CHAT", "context_turn_completed")  # type: ignore[attr-defined]
    return bool(info.ack_floor and info.ack_floor.consumer_seq >= messages and info.num_ack_pending == 0)


async def test_events_of_one_user_are_handled_in_the_order_they_happened(world: World) -> None:
    async def slow_then_fast(event: TurnCompleted, tx: Transaction, deps: Deps) -> None:
        await asyncio.sleep(event.duration_ms / 1000)
        deps.seen.append(event.duration_ms)

    async with world.service("context", react(TurnCompleted, slow_then_fast)) as context, world.service("chat") as chat:
        async with chat.db.transaction(a_scope()) as tx:
            for duration_ms in (50, 30, 10, 0):
                await publish(tx, TurnCompleted.example().model_copy(update={"duration_ms": duration_ms}))

        await until(lambda: len(context.seen) == 4)

        assert context.seen == [50, 30, 10, 0]


async def test_a_timer_arrives_at_its_time_and_not_before(world: World) -> None:
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.service("chat") as chat:
        due = datetime.now(UTC) + timedelta(seconds=0.8)
        async with chat.db.transaction(a_scope()) as tx:
            await send_later(tx, TurnCompleted.example(), due)

        await until(lambda: context.seen)

        assert timedelta(0) <= datetime.now(UTC) - due < timedelta(seconds=0.3)


async def test_one_deterministic_id_is_one_message_however_often_it_is_written(world: World) -> None:
    event_id = new_id("evt")
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.service("chat") as chat:
        for _ in range(3):
            async with chat.db.transaction(a_scope()) as tx:
                await publish(tx, TurnCompleted.example(), id=event_id)
        await until(lambda: sent(chat))
        await until(lambda: context.seen)

        assert await count(chat, "outbox") == 1


async def test_a_relay_that_dies_between_publishing_and_marking_loses_and_doubles_nothing(world: World) -> None:
    async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.database("chat") as db:
        async with db.transaction(a_scope()) as tx:
            for _ in range(20):
                await publish(tx, TurnCompleted.example())
        async with world.connected("chat") as bus:
            dying = Relay(db, bus.jetstream)
            publishing = dying._publish

            async def publish_and_die(rows: object) -> None:
                await publishing(rows)  # type: ignore[arg-type]
                raise SystemError("killed between publish and mark")

            dying._publish = publish_and_die  # type: ignore[assignment, method-assign]
            with pytest.raises(SystemError):
                await dying.relay_batch()
            successor = Relay(db, bus.jetstream)

            assert await successor.relay_batch() == 20

        await until(lambda: len(context.seen) >= 20)
        assert await count(context, "notes") == 20
        async with world.admin() as jetstream:
            assert (await jetstream.stream_info("EVT_CHAT")).state.messages == 20


async def test_a_lost_stream_is_rebuilt_from_the_outbox_without_doing_anything_twice(world: World) -> None:
    began = datetime.now(UTC)
    async with world.service("chat") as chat:
        async with world.service("context", react(TurnCompleted, remember_turn)) as context:
            async with chat.db.transaction(a_scope()) as tx:
                for _ in range(5):
                    await publish(tx, TurnCompleted.example())
            await until(lambda: len(context.seen) == 5)
            await until(lambda: sent(chat))
        await world.lose_streams()

        assert await republish_since(chat.db, began) == 5

        async with world.service("context", react(TurnCompleted, remember_turn)) as context, world.admin() as jetstream:
            await until(lambda: acknowledged(jetstream, 5))
            assert context.seen == []
            assert await count(context, "notes") == 5


async def test_a_row_for_a_stream_that_does_not_exist_waits_in_the_outbox(world: World) -> None:
    async with world.database("gateway") as db, world.connected("gateway") as bus:
        async with db.transaction(a_scope()) as tx:
            await publish(tx, UserRegistered.example())
        async with world.admin() as jetstream:
            await jetstream.delete_stream("EVT_GATEWAY")
        relay = Relay(db, bus.jetstream)
        with pytest.raises(NoStreamResponseError):
            await relay.relay_batch()
        await world.provision()

        assert await relay.relay_batch() == 1
