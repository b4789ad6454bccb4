"""From what is known to the context of a turn."""

from dataclasses import replace

from services.context.assembly import Known, assemble

ADA = Known(
    timezone="Europe/Berlin",
    display_name="Ada",
    name_unreadable=False,
    providers=("calendar", "gmail"),
    open_notifications=2,
    turns=7,
)


def outcomes(known: Known, max_tokens: int = 8000) -> dict[str, str]:
    return {line.source: line.outcome for line in assemble(known, max_tokens, "UTC").receipt}


def test_everything_known_is_in_the_context_when_it_fits() -> None:
    context = assemble(ADA, 8000, "UTC")

    assert (context.display_name, context.timezone) == ("Ada", "Europe/Berlin")
    assert context.connected_providers == ("calendar", "gmail")
    assert context.open_notifications == 2


def test_the_receipt_mentions_every_source() -> None:
    assert outcomes(ADA) == {
        "connections": "included",
        "profile": "included",
        "notifications": "included",
        "statistics": "dropped",
    }


def test_the_timezone_is_there_even_without_any_budget() -> None:
    context = assemble(ADA, 0, "UTC")

    assert context.timezone == "Europe/Berlin"
    assert (context.display_name, context.connected_providers, context.open_notifications) == (None, (), 0)


def test_a_user_nobody_knows_yet_gets_the_default_timezone() -> None:
    nobody = Known(None, None, name_unreadable=False, providers=(), open_notifications=0, turns=0)

    assert assemble(nobody, 8000, "Asia/Tokyo").timezone == "Asia/Tokyo"
    assert set(outcomes(nobody).values()) == {"dropped"}


def test_a_name_whose_key_is_gone_degrades_the_context_and_says_so() -> None:
    context = assemble(replace(ADA, display_name=None, name_unreadable=True), 8000, "UTC")

    assert context.connected_providers == ("calendar", "gmail")
    assert {line.source: line.outcome for line in context.receipt}["profile"] == "unavailable"
