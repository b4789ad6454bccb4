"""Streams and consumers come from the contracts; a service does not start on anything else."""

import pytest
from nats.js.api import ConsumerConfig

from contracts.chat import TurnCompleted
from libs.bus import TopologyDrift, react
from libs.bus.topology import consumers, streams
from libs.db import Transaction
from tests.service.bus.world import Deps, World


async def remember_turn(event: TurnCompleted, tx: Transaction, deps: Deps) -> None: ...


async def start_context(world: World) -> None:
    async with world.service("context", react(TurnCompleted, remember_turn)):
        pass


async def test_provisioning_twice_changes_nothing_and_a_service_starts(world: World) -> None:
    await world.provision()
    await world.provision()

    await start_context(world)

    async with world.admin() as jetstream:
        assert {info.config.name for info in await jetstream.streams_info()} == {plan.name for plan in streams()}
        for plan in consumers():
            assert (await jetstream.consumer_info(plan.stream, plan.durable)).config.max_deliver == -1


async def test_a_consumer_that_somebody_changed_is_refused_and_named(world: World) -> None:
    async with world.admin() as jetstream:
        changed = ConsumerConfig(
            durable_name="context_turn_completed", filter_subject=f"{TurnCompleted.subject}.*", ack_wait=60
        )
        await jetstream.delete_consumer("EVT_CHAT", "context_turn_completed")
        await jetstream.add_consumer("EVT_CHAT", changed)

    with pytest.raises(TopologyDrift, match=r"context_turn_completed: ack_wait is 60.*should be 10"):
        await start_context(world)

    await world.provision()
    await start_context(world)


async def test_a_stream_with_other_settings_is_refused_and_named(world: World) -> None:
    async with world.admin() as jetstream:
        config = (await jetstream.stream_info("EVT_CHAT")).config
        config.max_age = 60
        config.duplicate_window = 30
        await jetstream.update_stream(config)

    with pytest.raises(TopologyDrift, match="stream EVT_CHAT: max_age"):
        await start_context(world)

    await world.provision()
    await start_context(world)


async def test_a_missing_stream_or_consumer_is_named(world: World) -> None:
    async with world.admin() as jetstream:
        await jetstream.delete_consumer("EVT_CHAT", "context_turn_completed")
    with pytest.raises(TopologyDrift, match="consumer context_turn_completed does not exist"):
        await start_context(world)

    async with world.admin() as jetstream:
        await jetstream.delete_stream("EVT_CHAT")
    with pytest.raises(TopologyDrift, match="stream EVT_CHAT does not exist"):
        await start_context(world)
