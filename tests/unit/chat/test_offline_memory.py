"""What the offline engine takes for a wish to remember, to recall and to forget, and what it does about it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.chat.offline import Call, Forget, Help, Intent, Outcome, Recall, Remember, Say, next_step, understand

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GREEN = {"memory_id": "me_1", "text": "My favourite colour is green"}
RED = {"memory_id": "me_2", "text": "My favourite wine is red"}


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Remember that my favourite colour is green", Remember("my favourite colour is green")),
        ("Please remember: my wife's address is anna@example.org.", Remember("my wife's address is anna@example.org.")),
        ("remember I have a meeting with Tom every Friday", Remember("I have a meeting with Tom every Friday")),
        ("Don't forget that Tom is on leave", Remember("Tom is on leave")),
        ("Merk dir, dass ich kein Fleisch esse", Remember("ich kein Fleisch esse")),
        ("Bitte merke dir: Anna hat im Mai Geburtstag", Remember("Anna hat im Mai Geburtstag")),
        ("Vergiss nicht, dass Tom Urlaub hat", Remember("Tom Urlaub hat")),
        ("What do you remember about my favourite colour?", Recall("my favourite colour")),
        ("what do you know about Tom", Recall("Tom")),
        ("What do you remember?", Recall()),
        ("What do you know about me?", Recall()),
        ("Do you remember my wife's address?", Recall("my wife's address")),
        ("Was weißt du über meine Frau?", Recall("meine Frau")),
        ("Was weißt du noch über mich?", Recall()),
        ("Was hast du dir über Tom gemerkt?", Recall("Tom")),
        ("Was hast du dir gemerkt?", Recall()),
        ("Forget that my favourite colour is green.", Forget("my favourite colour is green")),
        ("forget what you know about Tom", Forget("Tom")),
        ("Forget my address", Forget("my address")),
        ("Vergiss, dass ich kein Fleisch esse", Forget("ich kein Fleisch esse")),
        ("Vergiss, was du über Tom weißt", Forget("Tom")),
        ("What can you do?", Help()),
    ],
)
def test_what_is_meant(text: str, intent: Intent) -> None:
    assert understand(text, NOW) == intent


@pytest.mark.parametrize(
    "text",
    ["Remember to call Tom", "Remember me?", "Forget it", "Vergiss es nicht", "Any mail that I should remember?"],
)
def test_what_is_no_such_wish(text: str) -> None:
    assert not isinstance(understand(text, NOW), Remember | Recall | Forget)


def recalled(*entries: dict[str, Any]) -> Outcome:
    return Outcome("memory_recall", True, {"memories": list(entries)})


def said(intent: Intent, *outcomes: Outcome) -> str:
    following = next_step(intent, outcomes)
    assert isinstance(following, Say), following
    return following.text


def test_it_is_written_down_in_the_users_words() -> None:
    wish = Remember("my favourite colour is green")
    assert next_step(wish, ()) == Call("memory_add", {"text": "my favourite colour is green"})
    assert said(wish, Outcome("memory_add", True, GREEN)) == "I will remember: My favourite colour is green"
    failed = Outcome("memory_add", False, {}, "It is full.")
    assert said(wish, failed) == "Nothing is remembered yet. It is full."


def test_what_is_recalled_is_told_one_line_each() -> None:
    assert next_step(Recall("my colour"), ()) == Call("memory_recall", {"limit": 10, "about": "my colour"})
    assert next_step(Recall(), ()) == Call("memory_recall", {"limit": 10})
    told = said(Recall("colours"), recalled(GREEN, {"memory_id": "me_3", "text": "two\nlines\u202e"}))
    assert told == "What I remember about colours:\n- My favourite colour is green\n- two lines"
    assert said(Recall(), recalled()) == "I remember nothing."


def test_the_one_that_is_meant_is_forgotten() -> None:
    wish = Forget("my favourite colour is green")
    found = recalled(RED, GREEN)
    assert next_step(wish, ()) == Call("memory_recall", {"limit": 10, "about": "my favourite colour is green"})
    assert next_step(wish, (found,)) == Call("memory_forget", {"memory_id": "me_1"})
    gone = Outcome("memory_forget", True, {"memory_id": "me_1", "forgotten": True})
    assert said(wish, found, gone) == "Forgotten: My favourite colour is green"
    assert next_step(Forget("the colour"), (recalled(GREEN),)) == Call("memory_forget", {"memory_id": "me_1"})


def test_what_is_not_clear_is_asked() -> None:
    told = said(Forget("my favourite thing"), recalled(RED, GREEN))
    assert told.startswith("Which of these do you mean? Nothing is forgotten yet.")
    assert GREEN["text"] in told
    assert said(Forget("Tom"), recalled()) == "I remember nothing about Tom."
