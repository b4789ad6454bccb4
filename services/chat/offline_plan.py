"""What to do next for an intent, given what has been done: a call, or the answer. Pure, so any replica can go on."""

import re
import unicodedata
from typing import Any

from services.chat import offline_answers as answers
from services.chat import offline_memory, offline_tasks
from services.chat.offline_intents import (
    AddTask,
    AskFree,
    CompleteTask,
    Forget,
    Help,
    Intent,
    ReadCalendar,
    ReadMail,
    ReadTasks,
    Recall,
    Remember,
    Schedule,
    Unclear,
)
from services.chat.offline_scheduling import ADDRESS
from services.chat.offline_steps import Call, Outcome, Say

MAIL_LIMIT = 25
MAX_GUESTS = 10


def next_step(intent: Intent, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """The next call, or the answer. `outcomes` are those of the calls this function asked for, in order."""
    match intent:
        case Help():
            return Say(answers.HELP)
        case Unclear(question):
            return Say(question)
        case Schedule():
            return _schedule(intent, outcomes)
        case Remember() | Recall() | Forget():
            return offline_memory.next_step(intent, outcomes)
        case AddTask() | ReadTasks() | CompleteTask():
            return offline_tasks.next_step(intent, outcomes)
    if not outcomes:
        return _look(intent)
    if not outcomes[0].ok:
        return Say(answers.failed(outcomes[0].detail))
    match intent:
        case ReadMail():
            return Say(answers.mails(intent, outcomes[0].result))
        case ReadCalendar():
            return Say(answers.events(intent, outcomes[0].result))
    return Say(answers.availability(intent, outcomes[0].result))


def _look(intent: ReadMail | ReadCalendar | AskFree) -> Call:
    match intent:
        case ReadMail(day, unread, sender, only_last):
            wanted = {"day": day, "unread": unread, "sender": sender, "limit": 1 if only_last else MAIL_LIMIT}
            return Call("mail_search", {name: value for name, value in wanted.items() if value is not None})
        case ReadCalendar(day):
            return Call("calendar_list", {"day": day})
    return Call("calendar_availability", {"start": intent.start.isoformat(), "end": intent.end.isoformat()})


def _schedule(intent: Schedule, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """Look up each name, ask where it is not one person, then create."""
    if len(intent.guests) > MAX_GUESTS:
        return Say(f"I can invite at most {MAX_GUESTS} people to a meeting in this mode.")
    guests: list[str] = []
    done = list(outcomes)
    for guest in intent.guests:
        if ADDRESS.fullmatch(guest):
            guests.append(guest)
            continue
        if not done:
            return Call("contacts_find", {"name": guest})
        found = done.pop(0)
        if not found.ok:
            return Say(answers.failed(found.detail))
        contacts = _meant(guest, answers.rows(found.result, "contacts"))
        if len(contacts) != 1 or not _names(guest, contacts[0]):
            return Say(answers.who(guest, contacts, answers.missing_sources(found.result)))
        guests.append(str(contacts[0].get("address", "")))
    if not done:
        return Call("calendar_create_event", _event(intent, guests))
    created = done.pop(0)
    if not created.ok:
        return Say(answers.not_created(intent, created.detail))
    return Say(answers.created(intent, created.result))


def _event(intent: Schedule, guests: list[str]) -> dict[str, Any]:
    unique = list({guest.lower(): guest for guest in guests}.values())
    return {
        "title": intent.title,
        "start": intent.start.isoformat(),
        "duration_minutes": intent.duration_minutes,
        "guests": unique,
    }


def _meant(guest: str, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those called exactly so, else those with all of its words, else everybody found; one entry an address."""
    unique = list({str(contact.get("address", "")).lower(): contact for contact in contacts}.values())
    exact = [contact for contact in unique if _words(str(contact.get("name", ""))) == _words(guest)]
    return exact or [contact for contact in unique if _names(guest, contact)] or unique


def _names(guest: str, contact: dict[str, Any]) -> bool:
    """Whether each word is a whole word of the contact: "Tom" finds Tomas, but is not taken to be him unasked."""
    mailbox = str(contact.get("address", "")).split("@")[0]
    return set(_words(guest)) <= {*_words(str(contact.get("name", ""))), *_words(mailbox)}


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return re.findall(r"[^\W_]+", letters.casefold())
