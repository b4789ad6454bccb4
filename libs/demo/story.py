"""What the demo asks, in order, and what must be true of the provider afterwards."""

from dataclasses import dataclass
from typing import Any

from libs.testing.client import AdjutantClient, Answer

UNREAD = "Show me my unread emails from today"
SCHEDULE = "Schedule a meeting with Sarah tomorrow at 2pm"
CALENDAR = "What is on my calendar tomorrow?"


class NotConfirmed(Exception):
    """The provider's own API says something else than the assistant."""


@dataclass(frozen=True, slots=True)
class Told:
    """The three answers, and the facts at the provider they are held against."""

    unread: Answer
    schedule: Answer
    calendar: Answer


async def tell(client: AdjutantClient, ask: Any) -> Told:
    """Have the three exchanges in one conversation; `ask(client, text, conversation_id)` prints and returns."""
    unread = await ask(client, UNREAD, None)
    schedule = await ask(client, SCHEDULE, unread.conversation_id)
    calendar = await ask(client, CALENDAR, unread.conversation_id)
    return Told(unread, schedule, calendar)


def confirm_unread(answer: Answer, unread_subjects: list[str], read_subjects: list[str]) -> None:
    """Every unread subject of today is in the answer, and none that is read. Raises NotConfirmed."""
    missing = [subject for subject in unread_subjects if subject not in answer.text]
    wrong = [subject for subject in read_subjects if subject in answer.text]
    if missing or wrong or not unread_subjects:
        raise NotConfirmed(f"the mailbox says otherwise: missing {missing}, wrongly named {wrong}")


def confirm_event(events: list[dict[str, Any]], start: str, guest: str) -> dict[str, Any]:
    """Exactly one event begins at `start` (RFC 3339, same zone as the calendar's) with the guest invited."""
    found = [
        event
        for event in events
        if event.get("start", {}).get("dateTime", "")[:16] == start[:16]
        and guest in [attendee.get("email") for attendee in event.get("attendees", ())]
    ]
    if len(found) != 1:
        raise NotConfirmed(f"{len(found)} events with {guest} start at {start} in the provider's calendar, not one")
    return found[0]


def confirm_seen(answer: Answer, event: dict[str, Any]) -> None:
    """The third answer names the new event. Raises NotConfirmed."""
    if event["summary"] not in answer.text:
        raise NotConfirmed(f"the calendar answer does not name {event['summary']!r}: {answer.text!r}")
