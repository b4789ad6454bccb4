"""Whatever a negotiation fails with, both people are told why in a sentence, and nothing about the other's calendar."""

import pytest

from libs.providers import errors as providers
from libs.resilience.breaker import CircuitOpen
from libs.resilience.errors import AdjutantError, Internal
from services.oauth.errors import NotConnected, ProviderNotConfigured, ReauthorizationNeeded
from services.tool.delegation.errors import SlotTaken
from services.tool.network.negotiation import Phase
from services.tool.network.reasons import CAUSES, LEFT_BEHIND, OTHERWISE, reason


def _kinds() -> list[type[AdjutantError]]:
    here = [kind for kind in vars(providers).values() if isinstance(kind, type) and issubclass(kind, AdjutantError)]
    asked = [kind for kind in here if kind.__module__ == providers.__name__ and kind is not providers.CursorExpired]
    return [*asked, SlotTaken, NotConnected, ReauthorizationNeeded, ProviderNotConfigured, CircuitOpen, Internal]


@pytest.mark.parametrize("slug", sorted({kind.slug for kind in _kinds()} | {"oauth_unavailable", "bus_unavailable"}))
def test_whatever_ends_a_step_has_its_sentence(slug: str) -> None:
    assert slug in CAUSES


@pytest.mark.parametrize("slug", [*CAUSES, LEFT_BEHIND, "unknown", "something_new"])
@pytest.mark.parametrize("phase", list(Phase))
def test_a_reason_is_whole_sentences_and_shows_no_slug(slug: str, phase: Phase) -> None:
    said = reason(slug, phase)

    assert said is not None
    assert said[0].isupper()
    assert said.endswith(".")
    assert "_" not in said
    assert not [whose for whose in ("your calendar", "their calendar") if whose in said.lower()]


def test_what_nobody_thought_of_has_a_reason_too() -> None:
    assert reason("something_new", Phase.FAILED) == (
        f"{OTHERWISE} The meeting is in neither calendar; start another negotiation for another time."
    )


def test_an_event_that_is_left_behind_is_not_said_to_be_in_neither_calendar() -> None:
    assert "neither" not in str(reason(LEFT_BEHIND, Phase.FAILED))


def test_where_nothing_went_wrong_there_is_no_reason() -> None:
    assert reason(None, Phase.CONFIRMED) is None
