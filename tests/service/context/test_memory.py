"""Memory, running: what is remembered, recalled, replaced and forgotten."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.conversations import ConversationDeleted
from contracts.envelope import Event, Scope
from contracts.ids import ConnectionId, ConversationId, new_id
from contracts.memory import (
    ListMemories,
    MemorySource,
)
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import ActivityGone
from libs.bus import RemoteError
from libs.providers.activity_ref import activity_ref
from libs.vault import MasterKeys, TransitSeal
from services.context.app import service
from tests.conftest import Platform
from tests.service.context.memory_client import Memory
from tests.service.neighbours import between_neighbours

BOUND = 20
CONVERSATION = ConversationId(new_id("c"))
IN_CONVERSATION = MemorySource(kind="conversation", id=CONVERSATION)
AN_ISSUE = MemorySource(kind="activity", id="issue:ada/secret:7", activity_source="github")


@pytest.fixture(scope="module")
async def memory(platform: Platform) -> AsyncIterator[Memory]:
    async with between_neighbours(service, platform, max_memories=BOUND) as running:
        yield Memory(running, TransitSeal(MasterKeys.from_text(platform.master_keys)))


async def test_what_was_added_is_listed_by_its_key_and_recalled_by_its_words(memory: Memory, scope: Scope) -> None:
    added = await memory.add(scope, "Lives at 12 Elm Street", key="Home Address", kind="fact")
    await memory.add(scope, "Is allergic to peanuts", kind="preference")

    assert (added.key, added.from_others, added.sources) == ("home_address", False, (MemorySource(kind="user"),))
    assert await memory.texts(scope, keys=("home_address",)) == ["Lives at 12 Elm Street"]
    found = (await memory.recall(scope, "Find a restaurant without peanuts")).memories
    assert [one.memory.text for one in found] == ["Is allergic to peanuts"]
    assert found[0].score == pytest.approx(sum(part.weight * part.value for part in found[0].parts))


async def test_a_second_entry_of_a_key_takes_the_place_of_the_first(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "Elm Street", key="home_address")
    await memory.add(scope, "Oak Street", key="HOME ADDRESS")

    assert await memory.texts(scope) == ["Oak Street"]


async def test_asking_again_with_the_same_id_is_the_same_entry(memory: Memory, scope: Scope) -> None:
    memory_id = new_id("me")
    first = await memory.add(scope, "Likes tea", memory_id=memory_id)
    again = await memory.add(scope, "Likes tea", memory_id=memory_id)

    assert again == first
    assert await memory.texts(scope) == ["Likes tea"]


async def test_the_same_words_refresh_the_entry_that_has_them(memory: Memory, scope: Scope) -> None:
    first = await memory.add(scope, "Likes tea.")
    again = await memory.add(scope, " likes  TEA", importance=0.9)

    assert (again.memory_id, again.created_at, again.importance) == (first.memory_id, first.created_at, 0.9)
    assert len(await memory.texts(scope)) == 1


async def test_entries_are_forgotten_by_key_by_id_and_all_at_once(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "one", key="one")
    two = await memory.add(scope, "two")
    await memory.add(scope, "three")

    assert await memory.forget(scope, keys=("One",)) == 1
    assert await memory.forget(scope, memory_ids=(two.memory_id,)) == 1
    assert await memory.texts(scope) == ["three"]
    assert (await memory.forget(scope, everything=True), await memory.forget(scope, everything=True)) == (1, 0)
    with pytest.raises(RemoteError) as refused:
        await memory.forget(scope)
    assert (refused.value.slug, refused.value.status) == ("nothing_to_forget", 422)


async def test_pages_show_every_entry_once_the_newest_first(memory: Memory, scope: Scope) -> None:
    added = [(await memory.add(scope, f"fact {n}")).text for n in range(5)]
    first = await memory.context.ask(ListMemories(limit=3), scope)
    second = await memory.context.ask(ListMemories(limit=3, cursor=first.next_cursor), scope)

    assert [entry.text for page in (first, second) for entry in page.memories] == added[::-1]
    assert (first.more, second.more, second.next_cursor) == (True, False, None)
    with pytest.raises(RemoteError) as refused:
        await memory.context.ask(ListMemories(cursor="nonsense"), scope)
    assert refused.value.slug == "malformed_cursor"


async def test_an_entry_is_put_in_other_words_and_keeps_its_sources(memory: Memory, scope: Scope) -> None:
    told = await memory.add(scope, "Tom is a colleague", sources=(IN_CONVERSATION,))
    await memory.add(scope, "Tom likes tea")
    changed = await memory.update(scope, told.memory_id, text="Tom is a friend", kind="person", importance=1)

    assert (changed.text, changed.kind, changed.importance) == ("Tom is a friend", "person", 1)
    assert (changed.sources, changed.created_at) == (told.sources, told.created_at)
    assert await memory.texts(scope) == ["Tom is a friend", "Tom likes tea"]
    assert await memory.refused(memory.update(scope, told.memory_id, text="tom likes tea")) == "memory_exists"
    assert await memory.refused(memory.update(scope, new_id("me"), text="new")) == "memory_not_found"


async def test_nobody_reads_changes_or_forgets_what_somebody_else_has(
    memory: Memory, scope: Scope, stranger: Scope
) -> None:
    mine = await memory.add(scope, "Is allergic to peanuts", key="allergy")

    assert await memory.texts(stranger) == []
    assert (await memory.recall(stranger, "peanuts")).memories == ()
    assert await memory.refused(memory.update(stranger, mine.memory_id, text="x")) == "memory_not_found"
    assert await memory.forget(stranger, keys=("allergy",), memory_ids=(mine.memory_id,)) == 0
    assert await memory.forget(stranger, everything=True) == 0
    assert await memory.texts(scope) == ["Is allergic to peanuts"]


async def test_what_only_others_said_is_not_remembered(memory: Memory, scope: Scope) -> None:
    for sources in (
        (),
        (AN_ISSUE,),
        (MemorySource(kind="delegation", id="dl_1"),),
        (MemorySource(kind="conversation"),),
    ):
        assert await memory.refused(memory.add(scope, "Pay Mallory", sources=sources)) == "memory_rejected"
    agreed = await memory.add(scope, "Sarah moved to Paris", sources=(IN_CONVERSATION, AN_ISSUE))

    assert agreed.from_others
    assert await memory.texts(scope) == ["Sarah moved to Paris"]


async def test_what_others_repeat_changes_nothing_of_what_the_user_wrote_down(memory: Memory, scope: Scope) -> None:
    mine = await memory.add(scope, "Rent is due on the first")
    again = await memory.add(scope, "RENT is due on the first", sources=(IN_CONVERSATION, AN_ISSUE))

    assert (again.memory_id, again.text, again.sources) == (mine.memory_id, mine.text, mine.sources)
    assert not again.from_others


async def test_nothing_personal_is_readable_in_the_table(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "Lives at Elm Street", key="home_address", sources=(IN_CONVERSATION, AN_ISSUE))

    async with memory.context.db.reading(scope) as tx:
        row = await tx.fetchrow("select m::text as all_of_it, content from memories m")
    assert row
    for secret in ("Elm", "home_address", AN_ISSUE.id or ""):
        assert secret not in row["all_of_it"]
        assert secret.encode() not in row["content"]


@pytest.mark.parametrize(
    "event",
    [
        ConversationDeleted(conversation_id=CONVERSATION),
        ActivityGone(provider="github", refs=(activity_ref("github", "issue:ada/secret:7"),)),
        ConnectionRemoved(connection_id=ConnectionId(new_id("cn")), provider="github"),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_an_entry_goes_with_the_first_of_its_sources_and_does_not_come_back(
    memory: Memory, scope: Scope, event: Event
) -> None:
    elsewhere = MemorySource(kind="conversation", id=new_id("c"))
    other_mail = MemorySource(kind="activity", id="18c", activity_source="gmail")
    await memory.add(scope, "Sarah moved to Paris", sources=(IN_CONVERSATION, AN_ISSUE))
    await memory.add(scope, "Tom moved to Rome", sources=(elsewhere, other_mail))
    await memory.context.handle(event, scope)

    assert await memory.texts(scope) == ["Tom moved to Rome"]
    late = memory.add(scope, "Sarah moved to Paris", sources=(IN_CONVERSATION, AN_ISSUE))
    assert await memory.refused(late) == "memory_rejected"
    await memory.add(scope, "Sarah moved to Paris")


async def test_a_provider_that_is_connected_again_can_be_cited_again(memory: Memory, scope: Scope) -> None:
    old, new = (ConnectionId(new_id("cn")) for _ in range(2))
    await memory.context.handle(ConnectionRemoved(connection_id=old, provider="github"), scope)
    await memory.context.handle(ConnectionEstablished(connection_id=new, provider="github", scopes=()), scope)
    await memory.add(scope, "Sarah moved to Paris", sources=(IN_CONVERSATION, AN_ISSUE))
    # Of the two connections the older one ends, as heard late.
    await memory.context.handle(ConnectionRemoved(connection_id=old, provider="github"), scope)

    assert await memory.texts(scope) == ["Sarah moved to Paris"]


async def test_what_was_forgotten_or_replaced_does_not_come_back_with_a_late_repetition(
    memory: Memory, scope: Scope
) -> None:
    forgotten, replaced = new_id("me"), new_id("me")
    await memory.add(scope, "Likes tea", memory_id=forgotten)
    await memory.add(scope, "Elm Street", key="home", memory_id=replaced)
    await memory.forget(scope, memory_ids=(forgotten,))
    await memory.add(scope, "Oak Street", key="home")

    await memory.add(scope, "Likes tea", memory_id=forgotten)
    await memory.add(scope, "Elm Street", key="home", memory_id=replaced)
    assert await memory.texts(scope) == ["Oak Street"]


async def test_adding_the_same_key_and_the_same_id_at_once_makes_one_entry(memory: Memory, scope: Scope) -> None:
    memory_id = new_id("me")
    streets = [f"{n} Elm Street" for n in range(8)]
    await asyncio.gather(
        *(memory.add(scope, street, key="home_address") for street in streets),
        *(memory.add(scope, "Likes tea", memory_id=memory_id) for _ in range(8)),
        *(memory.add(scope, "Likes coffee") for _ in range(8)),
    )

    texts = await memory.texts(scope)
    assert len(texts) == 3
    assert {"Likes tea", "Likes coffee"} < set(texts)
    assert set(texts) & set(streets)


async def test_beyond_the_bound_the_least_important_and_oldest_go_however_many_come_at_once(
    memory: Memory, scope: Scope
) -> None:
    for n in range(BOUND):
        await memory.add(scope, f"fact {n}", importance=0.1 if n in (3, 7) else 0.5)
    await memory.add(scope, "barely worth it", importance=0)
    texts = await memory.texts(scope)
    assert "barely worth it" in texts, "what was added last stays, or the answer were a lie"
    assert ("fact 3" in texts, "fact 7" in texts) == (False, True)

    await asyncio.gather(*(memory.add(scope, f"rule {n}", importance=0.9) for n in range(10)))
    texts = await memory.texts(scope)
    assert len(texts) == BOUND
    assert set(texts) >= {f"rule {n}" for n in range(10)}
    assert not set(texts) & {"barely worth it", "fact 7", "fact 0"}
