"""Who knows whom, and what nobody else gets to see."""

from collections.abc import Callable

from services.tool.deps import ToolDeps
from tests.service.tool.network.two_users import Couple, User, topic
from tests.service.tool.visitors import at, refused
from tests.service.tool.world import unique


async def test_a_third_user_sees_and_moves_nothing(couple: Couple, user: Callable[[str], User]) -> None:
    ada, grace, connection_id = couple
    mallory = user("mallory")
    started = await ada.start(connection_id, topic(unique("Secret"), at(3, 0)))
    slot = started.slots[0]

    assert (await mallory.connections(), await mallory.sessions()) == ((), ())
    doing = {
        "accept": mallory.accept(started.session_id, slot),
        "counter": mallory.counter(started.session_id, slots=(slot,)),
        "decline": mallory.decline(started.session_id),
        "cancel": mallory.cancel(started.session_id),
    }
    for name, one in doing.items():
        assert await refused(one) == "negotiation_not_found", name
    assert await refused(mallory.start(connection_id, topic("Mine", at(3, 0)))) == "acquaintance_not_found"
    assert await refused(mallory.answer(connection_id)) == "acquaintance_not_found"
    assert await refused(mallory.remove(connection_id)) == "acquaintance_not_found"
    assert (await grace.session(started.session_id)).status == "open"


async def test_the_row_of_a_negotiation_is_readable_by_the_two_and_writable_by_its_owner_alone(
    couple: Couple, user: Callable[[str], User], tool: ToolDeps
) -> None:
    ada, grace, connection_id = couple
    started = await ada.start(connection_id, topic(unique("Rows"), at(3, 0)))
    counted = {}
    for someone in (ada, grace, user("mallory")):
        async with tool.db.transaction(someone.scope) as tx:
            sql = "select count(*) from negotiations where session_id = $1"
            read = await tx.fetchval(sql, started.session_id)
            written = await tx.execute(
                "update negotiations set updated_at = updated_at where session_id = $1", started.session_id
            )
            counted[someone.name] = (read, written)

    assert counted == {"ada": (1, "UPDATE 1"), "grace": (1, "UPDATE 0"), "mallory": (0, "UPDATE 0")}


async def test_words_are_sealed_in_the_database(couple: Couple, tool: ToolDeps) -> None:
    ada, grace, connection_id = couple
    started = await ada.start(connection_id, topic("Zanzibar", at(3, 0)), note="Bring the Quokka")

    async with tool.db.reading(ada.scope) as tx:
        rows = await tx.fetch("select n::text from negotiations n union all select c::text from network_connections c")
    stored = "".join(row[0] for row in rows)
    for word in ("Zanzibar", "Quokka", "Grace", ada.address, grace.address):
        assert word not in stored
        assert word.encode().hex() not in stored
    assert (await grace.session(started.session_id)).note == "Bring the Quokka"


async def test_an_invitation_tells_its_inviter_nothing_until_it_is_accepted(
    user: Callable[[str], User], tool: ToolDeps
) -> None:
    ada, grace, nobody = user("ada"), user("grace"), user("nobody")
    there, absent = await ada.invite(grace), await ada.invite(nobody, known=False)

    assert set(there.model_dump(exclude_defaults=True)) == set(absent.model_dump(exclude_defaults=True))
    assert {each.name for each in await ada.connections()} == {""}
    (shown,) = await grace.connections()
    assert (shown.name, shown.address, shown.invited_by_me) == ("Ada", ada.address, False)
    assert await refused(ada.start(there.connection_id, topic("Early", at(3, 0)))) == "acquaintance_not_found"
    assert await refused(ada.answer(there.connection_id)) == "acquaintance_not_found"

    accepted = await grace.answer(there.connection_id)
    assert (accepted.status, (await grace.answer(there.connection_id)).status) == ("connected", "connected")
    (_, known) = await ada.connections()
    assert (known.status, known.name) == ("connected", "Grace")


async def test_an_invitation_by_user_id_reaches_its_user_alone(user: Callable[[str], User], tool: ToolDeps) -> None:
    ada, grace, mallory = user("ada"), user("grace"), user("mallory")
    invited = await ada.invite(grace, by_id=True)

    assert await mallory.connections() == ()
    assert [each.connection_id for each in await grace.connections()] == [invited.connection_id]
    await grace.answer(invited.connection_id)
    started = await ada.start(invited.connection_id, topic(unique("By id"), at(3, 0)))
    assert (await grace.session(started.session_id)).my_turn


async def test_inviting_twice_is_one_invitation_and_declining_ends_it_unseen(
    user: Callable[[str], User], tool: ToolDeps
) -> None:
    ada, grace = user("ada"), user("grace")
    first, second = await ada.invite(grace), await ada.invite(grace)
    assert first.connection_id == second.connection_id
    assert await refused(ada.invite(ada)) == "invitation_refused"

    await grace.answer(first.connection_id, accept=False)
    assert await grace.connections() == ()
    assert await refused(grace.answer(first.connection_id)) == "acquaintance_not_found"


async def test_whoever_is_blocked_invites_into_the_void(couple: Couple) -> None:
    ada, grace, connection_id = couple
    started = await ada.start(connection_id, topic(unique("Before"), at(3, 0)))

    assert await grace.remove(connection_id, block=True)
    assert (await ada.session(started.session_id)).status == "cancelled"
    again = await ada.invite(grace)
    assert again.status == "invited"
    assert await grace.connections() == ()
    assert await refused(ada.start(connection_id, topic("Still", at(3, 0)))) == "acquaintance_not_found"


async def test_blocking_an_invitation_hides_the_next_one(user: Callable[[str], User], tool: ToolDeps) -> None:
    ada, grace = user("ada"), user("grace")
    invited = await ada.invite(grace)
    await grace.remove(invited.connection_id, block=True)

    await ada.invite(grace)
    assert await grace.connections() == ()


async def test_words_of_the_other_are_cleaned_and_bounded(couple: Couple) -> None:
    ada, grace, connection_id = couple
    started = await ada.start(
        connection_id, topic("A\u202eB\u200b C" + "x" * 200, at(3, 0)), note="Hi\u2066 there\x07" + "!" * 1000
    )
    seen = await grace.session(started.session_id)

    assert seen.title.startswith("AB C")
    assert len(seen.title) <= 120
    assert seen.note.startswith("Hi there!")
    assert len(seen.note) <= 500


async def test_when_the_key_of_who_began_is_erased_the_other_one_is_left_with_the_rest(
    couple: Couple, user: Callable[[str], User], tool: ToolDeps
) -> None:
    ada, grace, connection_id = couple
    other = user("mallory")
    kept = await grace.invite(other)
    await other.answer(kept.connection_id)
    await ada.start(connection_id, topic(unique("Erased"), at(3, 0)))
    started = await grace.start(kept.connection_id, topic(unique("Kept"), at(3, 0)))
    async with tool.db.transaction(ada.scope) as tx:
        await tool.vault.erase(tx)

    assert [each.connection_id for each in await grace.connections()] == [kept.connection_id]
    assert [each.session_id for each in await grace.sessions()] == [started.session_id]


async def test_inviting_whom_one_is_connected_with_is_the_same_connection(couple: Couple) -> None:
    ada, grace, connection_id = couple

    assert (await ada.invite(grace)).connection_id == connection_id
    assert (await grace.invite(ada)).connection_id == connection_id
    assert (len(await ada.connections()), len(await grace.connections())) == (1, 1)
