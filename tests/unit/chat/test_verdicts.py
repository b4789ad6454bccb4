"""A message decides only when all of it is a decision."""

import pytest

from services.chat.verdicts import Verdict, choice_of, verdict_of


@pytest.mark.parametrize(
    "message",
    [
        *("yes", "Yes!", "  ok. ", "Yes please", "yes, send it", "Go ahead.", "Approve", "approve it", "sure, do it"),
        *("Ja", "ja, bitte", "Ja, mach das", "Schick es ab", "einverstanden", "Okay, senden", "👍 yes", "Bestätigt"),
        *("please send it", "confirm", "Looks good, send it", "yes, thanks"),
    ],
)
def test_words_of_assent_approve(message: str) -> None:
    assert verdict_of(message) == Verdict("approve")


@pytest.mark.parametrize(
    "message",
    [
        *("no", "No, thanks", "nope", "don't", "Don't send it", "cancel that", "never mind", "decline"),
        *("nein", "Nein danke", "lass es", "nicht senden", "ablehnen"),
    ],
)
def test_words_of_dissent_decline(message: str) -> None:
    assert verdict_of(message) == Verdict("decline")


@pytest.mark.parametrize(
    "message", ["undo", "Undo that!", "take it back", "mach das rückgängig", "stop it", "withdraw it"]
)
def test_words_of_regret_undo(message: str) -> None:
    assert verdict_of(message) == Verdict("undo")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("approve 2", Verdict("approve", (2,))),
        ("Yes to 1 and 3", Verdict("approve", (1, 3))),
        ("no to 2", Verdict("decline", (2,))),
        ("yes, 1, 2", Verdict("approve", (1, 2))),
        ("ja zu 1 und 2", Verdict("approve", (1, 2))),
        ("approve all", Verdict("approve", everything=True)),
        ("Yes to both, please", Verdict("approve", everything=True)),
        ("alle ablehnen", None),
        ("nein zu allen", Verdict("decline", everything=True)),
        ("approve number 2", Verdict("approve", (2,))),
    ],
)
def test_several_are_told_apart_by_their_numbers(message: str, expected: Verdict | None) -> None:
    assert verdict_of(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        *("ok thanks", "Okay, thank you!", "passt, danke"),
        *("yes, but change the subject", "Yes?", "is that ok?", "send a mail to Bob", "no meetings tomorrow", ""),
        *(
            "yes and also mail Eve",
            "ok, what's next on my calendar",
            "cancel my meeting at 3",
            "2",
            "what",
            "yesterday",
        ),
        *("ja, aber später", "undo the last three things we did", "approve everything from now on", "Nein, um 15 Uhr"),
        *("send it to bob@example.com", "yes " * 40, "stop the music", "I said yes", "no, yes"),
    ],
)
def test_anything_more_decides_nothing(message: str) -> None:
    assert verdict_of(message) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("2", Verdict("approve", (2,))),
        ("1 and 3, please", Verdict("approve", (1, 3))),
        ("both", Verdict("approve", everything=True)),
        ("alle", Verdict("approve", everything=True)),
        ("2 pm", None),
        ("the second", None),
        ("", None),
    ],
)
def test_to_the_question_which_is_meant_a_number_is_an_answer(message: str, expected: Verdict | None) -> None:
    assert choice_of(message) == expected
