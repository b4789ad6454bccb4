"""A destroyed key; in a module of its own, since another replica may open what it sealed for one more minute."""

from contracts.envelope import Scope
from libs.vault import MasterKeys, TransitSeal
from services.context.app import service
from tests.conftest import Platform
from tests.service.context.memory_client import Memory
from tests.service.neighbours import between_neighbours

BOUND = 20


async def test_entries_whose_key_was_destroyed_are_left_out_and_give_way_first(
    platform: Platform, scope: Scope
) -> None:
    seal = TransitSeal(MasterKeys.from_text(platform.master_keys))
    async with between_neighbours(service, platform, max_memories=BOUND) as before:
        earlier = Memory(before, seal)
        for n in range(BOUND):
            await earlier.add(scope, f"fact {n}", key=f"fact_{n}", importance=1)
        async with before.db.transaction(scope) as tx:
            await tx.execute("delete from data_keys")
    async with between_neighbours(service, platform, max_memories=BOUND) as fresh:
        later = Memory(fresh, seal)
        assert await later.texts(scope) == []
        assert (await later.recall(scope, "fact 1")).memories == ()
        await later.add(scope, "new")
        await later.add(scope, "newer")

        assert await later.texts(scope) == ["newer", "new"]
        assert await later.forget(scope, everything=True) == BOUND
