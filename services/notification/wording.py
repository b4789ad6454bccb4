"""What is said for each kind of notification, and what makes two of them the same."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from contracts.actions import ActionProposed
from contracts.bookings import BookingAccepted, BookingCancelled, BookingMoved
from contracts.network import NetworkMoved
from contracts.notification import NotificationKind
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.runs import RunEnded
from contracts.spending import BudgetThresholdReached
from contracts.sync import ApiQuotaNeared, SourceFailing
from contracts.tool import ExecutionFinished
from services.notification.deeds import deed

_NAMES = {"gmail": "Gmail", "calendar": "Google Calendar"}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a user once; two notices of one kind `about` the same thing are one."""

    kind: NotificationKind
    about: str
    title: str
    text: str
    action: Literal["reconnect"] | None = None
    provider: str | None = None


def welcome() -> Notice:
    """The first entry of every inbox."""
    return Notice(
        kind="welcome",
        about="account",
        title="Welcome to Adjutant",
        text="Connect a provider, then ask what is in your mail or on your calendar.",
    )


def connected(event: ConnectionEstablished) -> Notice:
    """A provider can be used."""
    name = provider_name(event.provider)
    return Notice(
        kind="connected",
        about=event.connection_id,
        title=f"{name} is connected",
        text=f"Your assistant can now use {name}. You can disconnect it at any time.",
        provider=event.provider,
    )


def reconnect(event: ReauthorizationRequired) -> Notice:
    """A provider refused us for good, and only the user can mend it."""
    name = provider_name(event.provider)
    return Notice(
        kind="reconnect",
        about=f"{event.connection_id} {event.refused_at.isoformat()}",
        title=f"{name} needs to be connected again",
        text=f"{name} no longer accepts the permission you gave. Until you connect it again, it is left out.",
        action="reconnect",
        provider=event.provider,
    )


def failing(event: SourceFailing) -> Notice:
    """A provider could not be read three times in a row."""
    name = provider_name(event.provider)
    return Notice(
        kind="reconnect",
        about=f"{event.connection_id} {event.since.isoformat()}",
        title=f"{name} could not be read",
        text=f"The last three attempts failed ({event.error.replace('_', ' ')}). It is tried again by itself; "
        f"if this stays, connect {name} again.",
        action="reconnect",
        provider=event.provider,
    )


def effect_unknown(event: ExecutionFinished) -> Notice:
    """Something may or may not have happened, and a person has to look."""
    return Notice(
        kind="effect_unknown",
        about=event.execution_id,
        title="Please check whether something was done",
        text=f"Your assistant began to {deed(event.tool)}, and could not learn what became of it. "
        "It was not tried again: please look there.",
    )


def api_quota(event: ApiQuotaNeared) -> Notice:
    """A provider is asked for more than its operator expects."""
    name = provider_name(event.provider)
    return Notice(
        kind="api_quota",
        about=f"{event.provider} {event.day.isoformat()} {event.percent}",
        title=f"{name} was asked very often today",
        text=f"{event.percent} % of the {event.quota:,} requests a day that this installation plans for are used. "
        "Nothing is switched off; if it stays so, tell whoever runs this installation.",
        provider=event.provider,
    )


def booked(event: BookingAccepted, zone: tzinfo) -> Notice:
    """Somebody outside took a time. Who, the calendar and the list of bookings tell."""
    begins = f"It begins on {moment(event.starts_at, zone)}."
    return _booking(event.booking_id, "accepted", "A time was booked through your link", begins)


def booking_moved(event: BookingMoved, zone: tzinfo) -> Notice:
    """The same at another time."""
    begins = f"It now begins on {moment(event.starts_at, zone)}."
    about = f"moved {event.starts_at.isoformat()}"
    return _booking(event.booking_id, about, "A booking was moved by its guest", begins)


def booking_cancelled(event: BookingCancelled, zone: tzinfo) -> Notice:
    """A guest will not come."""
    begins = f"It was to begin on {moment(event.starts_at, zone)}, and that time is free again."
    return _booking(event.booking_id, "cancelled", "A booking was cancelled by its guest", begins)


def _booking(booking_id: str, about: str, title: str, begins: str) -> Notice:
    text = f"{begins} Your calendar and the link's bookings have the rest."
    return Notice(kind="booking", about=f"{booking_id} {about}", title=title, text=text)


_NETWORK = {
    "invited": (
        "Somebody would like to connect with you",
        "Look at it under Connections; nothing happens without you.",
    ),
    "connected": ("You are connected", "The two of you can now agree on times with each other."),
    "proposed": ("Times for a meeting were proposed", "{word} Look at them under Negotiations."),
    "countered": ("Other times for a meeting were proposed", "{word} Look at them under Negotiations."),
    "agreed": ("A time was agreed on", "It begins on {when}. It is being put into both calendars."),
    "confirmed": ("A meeting stands in both calendars", "It begins on {when}."),
    "failed": (
        "A meeting could not be put into both calendars",
        "It was to begin on {when}, and has been taken out again where it stood. If a calendar does not answer, "
        "look there yourself. Negotiations has the reason.",
    ),
    "declined": ("The proposed times were declined", "Nothing was put into a calendar."),
    "cancelled": ("A negotiation was cancelled", "Nothing was put into a calendar."),
    "expired": ("Nobody answered in time", "A negotiation about a meeting is over; another one can be started."),
    "move_proposed": (
        "Another time for a meeting was proposed",
        "{word} Look at it under Negotiations; until then the meeting stays as it is.",
    ),
    "moved": ("A meeting was moved in both calendars", "It now begins on {when}."),
    "stayed": (
        "A meeting stays where it was",
        "It begins on {when}. No other time came of it. Negotiations has the rest.",
    ),
    "called_off": ("A meeting was cancelled", "It was to begin on {when}. It is being taken out of both calendars."),
    "left_behind": (
        "A calendar does not do what was agreed on",
        "A meeting that was cancelled or moved may still stand in it as before: look there, and put it right.",
    ),
}


def network_moved(event: NetworkMoved, zone: tzinfo) -> Notice:
    """A step between the user and another one. With whom, and their words, stands in the lists: it is not repeated."""
    title, text = _NETWORK[event.step]
    word = "The other one has the word." if event.by_me else "You have the word."
    when = moment(event.starts_at, zone) if event.starts_at else "a day that Negotiations has"
    return Notice(
        kind="network",
        about=f"{event.about} {event.step} {event.number}",
        title=title,
        text=text.format(word=word, when=when).strip(),
    )


def budget(event: BudgetThresholdReached) -> Notice:
    """A month's money is running out."""
    whose = "Your" if event.belongs_to == "user" else "Your organization's"
    spent, limit = (f"${micros / 1_000_000:,.2f}" for micros in (event.spent_micros, event.budget_micros))
    then = {
        80: "Nothing changes yet.",
        90: "From now on the cheapest model that will do answers.",
        100: "Further requests are answered without a language model until the month ends or the budget is raised.",
    }
    return Notice(
        kind="budget",
        about=f"{event.belongs_to} {event.month.isoformat()} {event.percent} {event.budget_micros}",
        title=f"{event.percent} % of {whose.lower()} budget for language models is used",
        text=f"{whose} budget for {event.month:%B %Y} is {limit}; {spent} are spent. {then.get(event.percent, '')}",
    )


def approval(event: ActionProposed, zone: tzinfo) -> Notice:
    """What it is about stands under Actions: it may hold words of others, and addresses."""
    return Notice(
        kind="approval",
        about=event.action_id,
        title="Your assistant waits for your approval",
        text=f"It would like to {deed(event.tool)}. Look at it under Actions, and decide by "
        f"{moment(event.expires_at, zone)}; without your word nothing is done.",
    )


def moment(at: datetime, zone: tzinfo) -> str:
    """`Tuesday, 24 November 2026, 10:00 (Europe/Berlin)`."""
    local = at.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M} ({zone})"


def run_ended(event: RunEnded) -> Notice:
    """What it was about stands under Runs: it is in the user's words, and stays there."""
    done = f"{event.done_count} of {event.step_count} steps are done"
    if event.status == "done":
        title, why = "A run is done", ""
    elif event.error == "run_timeout":
        title, why = "A run took longer than it may", "It can go on from there. "
    else:
        title, why = "A run has stopped", "A step of it did not work; it can be tried again, or left out. "
    text = f"{done}. {why}Look at it under Runs; it is the one with the id {event.run_id}."
    return Notice(kind="run", about=f"{event.run_id} {event.number}", title=title, text=text)


def provider_name(provider: str) -> str:
    """How people call a provider."""
    return _NAMES.get(provider, provider.replace("_", " ").title())
