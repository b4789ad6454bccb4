"""What is said, and what makes two notices the same."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from contracts.actions import ActionProposed
from contracts.bookings import BookingCancelled
from contracts.ids import new_id
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.tool import ExecutionFinished
from services.notification import wording
from services.notification.deeds import DEEDS
from services.tool.consent_facts import FACTS

MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_refused_connection_asks_to_reconnect_that_provider() -> None:
    notice = wording.reconnect(ReauthorizationRequired.example())

    assert (notice.kind, notice.action, notice.provider) == ("reconnect", "reconnect", "gmail")
    assert notice.title == "Gmail needs to be connected again"


def test_a_second_refusal_of_one_connection_is_another_notice() -> None:
    first = ReauthorizationRequired.example()
    second = first.model_copy(update={"refused_at": MOMENT.replace(hour=10)})

    assert wording.reconnect(first).about != wording.reconnect(second).about


def test_connecting_the_same_connection_again_is_the_same_notice() -> None:
    event = ConnectionEstablished.example()

    assert wording.connected(event) == wording.connected(event)


def test_an_unknown_effect_is_named_in_words_and_never_called_done() -> None:
    notice = wording.effect_unknown(ExecutionFinished.example().model_copy(update={"status": "unknown"}))

    assert "began to create a calendar event" in notice.text
    assert "done" not in notice.text


def test_every_tool_that_a_user_may_be_asked_about_is_said_in_words() -> None:
    assert set(FACTS) == set(DEEDS)


def test_times_are_told_on_the_users_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    event = ActionProposed.example().model_copy(update={"tool": "mail_send", "expires_at": MOMENT})
    assert wording.approval(event, berlin).text == (
        "It would like to send a mail. Look at it under Actions, and decide by "
        "Tuesday, 24 November 2026, 10:00 (Europe/Berlin); without your word nothing is done."
    )
    cancelled = BookingCancelled.example().model_copy(update={"starts_at": MOMENT})
    assert "was to begin on Tuesday, 24 November 2026, 10:00 (Europe/Berlin)" in (
        wording.booking_cancelled(cancelled, berlin).text
    )


def test_a_provider_without_a_name_of_ours_still_reads_like_one() -> None:
    assert wording.provider_name("outlook_mail") == "Outlook Mail"


def test_every_notice_is_about_something_of_its_own() -> None:
    one, other = (
        ExecutionFinished.example().model_copy(update={"execution_id": new_id("x"), "status": "unknown"}) for _ in "12"
    )

    assert wording.effect_unknown(one).about != wording.effect_unknown(other).about
