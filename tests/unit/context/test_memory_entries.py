"""What becomes of entries: made, said again, replaced, and too many."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.memory import MemoryChange, MemoryKind, MemorySource, MemoryView, NewMemory
from services.context.errors import MalformedCursor, MemoryRejected
from services.context.memory import entries, origins
from services.context.memory.pages import page

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
USER = MemorySource(kind="user")
TALK = MemorySource(kind="conversation", id="c_1")
MAIL = MemorySource(kind="activity", id="18c", activity_source="gmail")


def made(
    text: str,
    *,
    id: str = "me_1",
    key: str | None = None,
    importance: float | None = None,
    sources: tuple[MemorySource, ...] = (USER,),
    at: datetime = NOW,
) -> MemoryView:
    return entries.made(id, NewMemory(text=text, key=key, importance=importance, sources=sources), at)


def test_an_entry_with_text_of_others_says_so_whatever_was_claimed() -> None:
    assert made("x", sources=(TALK, MAIL)).from_others
    assert not made("x", sources=(TALK,)).from_others
    assert entries.made("me_1", NewMemory(text="x", sources=(TALK,), from_others=True), NOW).from_others


@pytest.mark.parametrize(
    "sources",
    [(), (MAIL,), (MemorySource(kind="delegation", id="dl_1"),), (TALK,) * 51],
    ids=["none", "a mail", "a link", "too many"],
)
def test_an_entry_needs_the_users_own_word_and_few_sources(sources: tuple[MemorySource, ...]) -> None:
    with pytest.raises(MemoryRejected):
        made("x", sources=sources)


@pytest.mark.parametrize("source", [MemorySource(kind="conversation"), MemorySource(kind="activity", id="18c")])
def test_a_source_that_cannot_be_found_again_is_none(source: MemorySource) -> None:
    with pytest.raises(MemoryRejected):
        origins.of_sources((USER, source))


def test_what_an_entry_is_found_by_does_not_show_an_activitys_own_id() -> None:
    named = origins.of_sources((TALK, MemorySource(kind="activity", id="ada/secret", activity_source="github")))
    assert named[0].startswith("activity ")
    assert named[1:] == ["conversation c_1", "provider github"]
    assert not any("secret" in name for name in named)


def test_the_same_words_are_a_twin_unless_their_names_differ() -> None:
    plain, home = made("Berlin", id="me_a"), made("Berlin", id="me_b", key="home")
    assert entries.twin([plain], made("berlin.", id="me_x", key="work")) == plain
    assert entries.twin([home], made("berlin", id="me_x", key="work")) is None
    assert entries.twin([plain, home], made("berlin", id="me_x", key="home")) == home
    assert entries.twin([home], made("BERLIN", id="me_x")) == home
    assert entries.twin([home], home) is None


def test_said_again_an_entry_stands_on_the_firmer_ground() -> None:
    later = NOW + timedelta(days=1)
    by_hand, talked, read = made("Tea"), made("tea", sources=(TALK,)), made("TEA", sources=(TALK, MAIL))

    def again(first: MemoryView, wanted: MemoryView) -> tuple[str, tuple[MemorySource, ...], bool]:
        entry = entries.said_again(first, wanted.model_copy(update={"updated_at": later}), weighed=False)
        assert (entry.memory_id, entry.created_at, entry.updated_at) == (first.memory_id, first.created_at, later)
        return entry.text, entry.sources, entry.from_others

    assert again(by_hand, talked) == again(by_hand, read) == ("Tea", (USER,), False)
    assert again(read, talked) == ("tea", (TALK,), False)
    other = made("tea", sources=(MemorySource(kind="conversation", id="c_2"),))
    assert again(talked, other) == ("tea", other.sources, False)


def test_said_again_by_others_the_users_own_entry_gets_no_name_from_them() -> None:
    own, of_others = made("Tea"), made("tea", key="drink", sources=(TALK, MAIL))
    assert entries.said_again(own, of_others, weighed=False).key is None
    assert entries.said_again(own, made("tea", key="drink"), weighed=False).key == "drink"


def test_said_again_it_is_as_important_as_somebody_says_or_as_it_was() -> None:
    first, wanted = made("Tea", importance=0.9), made("tea", importance=0.2)
    assert entries.said_again(first, wanted, weighed=True).importance == 0.2
    assert entries.said_again(first, wanted, weighed=False).importance == 0.9


def test_a_change_keeps_what_is_not_given_and_where_it_comes_from() -> None:
    entry = made("Tea", key="drink", sources=(TALK, MAIL))
    changed = entries.changed(entry, MemoryChange(kind=MemoryKind.PREFERENCE), NOW + timedelta(days=1))

    kept = ("memory_id", "text", "key", "importance", "sources", "from_others", "created_at")
    assert all(getattr(changed, name) == getattr(entry, name) for name in kept)
    assert changed.kind is MemoryKind.PREFERENCE
    with pytest.raises(MemoryRejected):
        entries.changed(entry, MemoryChange(text="  "), NOW)


def test_the_least_important_and_among_them_the_oldest_are_too_many() -> None:
    old = made("old", id="me_1", importance=0.2, at=NOW - timedelta(days=1))
    new, dear = made("new", id="me_2", importance=0.2), made("dear", id="me_3", importance=0.9)

    assert entries.beyond([new, dear, old], 3) == []
    assert entries.beyond([new, dear, old], 2) == [old]
    assert entries.beyond([new, dear, old], 0) == [old, new, dear]


def test_a_page_goes_on_after_an_entry_that_is_gone_meanwhile() -> None:
    five = [made(f"{n}", id=f"me_{n}", at=NOW - timedelta(hours=n)) for n in range(5)]
    first = page(five, 2, None)
    rest = page([entry for entry in five if entry not in first.memories], 10, first.next_cursor)

    assert [entry.text for entry in (*first.memories, *rest.memories)] == ["0", "1", "2", "3", "4"]


def test_a_page_of_very_long_entries_is_short_and_the_next_one_goes_on() -> None:
    wordy = tuple(MemorySource(kind="activity", id=f"{n:0400}", activity_source="outlook") for n in range(49))
    many = [made("w" * 1000, id=f"me_{9 - n}", sources=(USER, *wordy)) for n in range(10)] * 4
    shown = page(many, 40, None)

    assert 1 < len(shown.memories) < 40
    assert shown.more
    assert len(shown.model_dump_json()) < 700_000


def test_what_is_no_cursor_is_refused() -> None:
    for nonsense in ("x", "äö", "MjAyNi0xMS0yMQ"):
        with pytest.raises(MalformedCursor):
            page([], 2, nonsense)
