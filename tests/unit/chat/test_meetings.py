"""Which messages make a turn look at what is being agreed on."""

import pytest

from services.chat.meetings import speaks_of_meetings


@pytest.mark.parametrize(
    "message",
    [
        "Schedule a review with Tom",
        "Am I free on Friday?",
        "Sag den Termin ab",
        "Accept Tom's proposal",
        "Können wir uns treffen?",
    ],
)
def test_words_of_meetings_are_heard(message: str) -> None:
    assert speaks_of_meetings(message)


@pytest.mark.parametrize(
    "message", ["hi", "What is in my inbox?", "Remember that I like green", "Was ist neu auf GitHub?"]
)
def test_others_cost_no_look(message: str) -> None:
    assert not speaks_of_meetings(message)
