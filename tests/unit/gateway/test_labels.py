"""What a model says, as one of the labels."""

import pytest

from services.gateway.routes.generate import label_in

LABELS = ("mail", "calendar", "Small talk")


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("mail", "mail"),
        (" Calendar.\n", "calendar"),
        ('"small talk"', "Small talk"),
        ("The label is calendar", "calendar"),
        ("mail or calendar", None),
        ("", None),
        ("weather", None),
    ],
)
def test_only_a_clear_answer_counts(said: str, label: str | None) -> None:
    assert label_in(said, LABELS) == label
