"""A destroyed key; in a module of its own, since another replica may open what it sealed for one more minute."""

from contracts.context import AssembleContext, UpdateProfile
from contracts.envelope import Scope
from services.context.app import service
from tests.conftest import Platform
from tests.service.neighbours import between_neighbours


async def test_a_name_whose_key_was_destroyed_degrades_the_context(platform: Platform, scope: Scope) -> None:
    async with between_neighbours(service, platform) as before:
        await before.ask(UpdateProfile(display_name="Ada", timezone="Europe/London"), scope)
        async with before.db.transaction(scope) as tx:
            await tx.execute("delete from data_keys")
    async with between_neighbours(service, platform) as fresh:
        assembled = await fresh.ask(AssembleContext(), scope)

    assert (assembled.display_name, assembled.timezone) == (None, "Europe/London")
    assert {line.source: line.outcome for line in assembled.receipt}["profile"] == "unavailable"
