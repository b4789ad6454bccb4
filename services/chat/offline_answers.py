"""The offline engine's sentences. Names, subjects and titles come from outsiders: each is kept to one plain line."""

from datetime import date, datetime
from typing import Any

from services.chat.offline_days import spoken
from services.chat.offline_intents import AskFree, ReadCalendar, ReadMail, Schedule

LONGEST_TEXT = 300
HELP = """Here is what I can do:
- list mails: "Show me my unread emails from today", "Any mail from Sarah?"
- show your calendar: "What is on my calendar tomorrow?"
- say whether you are free: "Am I free on Friday between 2 and 4pm?"
- schedule meetings: "Schedule a meeting with Sarah tomorrow at 2pm"
- keep your tasks: "Remind me to call Tom on Friday", "What are my tasks?", "Mark the task Call Tom as done"
- remember things: "Remember that I am vegetarian", "What do you remember about me?"
- some of it in German: "Was steht morgen in meinem Kalender?\""""


def rows(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of a result, whatever else may be in it."""
    found = result.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def missing_sources(result: dict[str, Any]) -> list[str]:
    """What contacts_find could not ask."""
    told = result.get("incomplete")
    return [line(source) for source in told] if isinstance(told, list) else []


def failed(detail: str | None) -> str:
    """A look-up failed."""
    return f"That did not work: {line(detail)}" if detail else "That did not work. Please try again in a moment."


def not_created(intent: Schedule, detail: str | None) -> str:
    """Creating failed; what was wanted is repeated, so that the user knows what is not there."""
    return f'I could not schedule "{line(intent.title)}". {line(detail or "Please try again in a moment.")}'


def mails(intent: ReadMail, result: dict[str, Any]) -> str:
    """A list by sender, subject and time."""
    found = rows(result, "mails")
    unread = {True: "unread ", False: "read ", None: ""}[intent.unread]
    sender = f" from {intent.sender}" if intent.sender else ""
    day = f" of {_spoken(intent.day)}" if intent.day else ""
    if not found:
        return f"You have no {unread}mails{sender}{day}."
    count = f"{len(found)} {unread}mail{'' if len(found) == 1 else 's'}{sender}{day}"
    listed = [f"- {_mail(mail, with_day=intent.day is None)}" for mail in found]
    if intent.only_last:
        return "\n".join([f"The newest {unread}mail{sender}{day}:", *listed])
    more = ["There are more; these are the newest."] if result.get("more") else []
    return "\n".join([f"You have {count}:" if not more else f"The newest {count}:", *listed, *more])


def events(intent: ReadCalendar, result: dict[str, Any]) -> str:
    """The events of a day by time."""
    found = rows(result, "events")
    day = _spoken(intent.day)
    if not found:
        return f"There is nothing on your calendar on {day}."
    return "\n".join([f"On your calendar on {day}:", *(f"- {_event(event)}" for event in found)])


def availability(intent: AskFree, result: dict[str, Any]) -> str:
    """Free, or when busy and when not."""
    window = _stretch(intent.start, intent.end)
    if result.get("is_free"):
        return f"Yes, you are free on {window}."
    busy = ", ".join(_between(part) for part in rows(result, "busy"))
    free = ", ".join(_between(part) for part in rows(result, "free"))
    tail = f" Free: {free}." if free else ""
    return f"No, you are not free all of the time on {window}. Busy: {busy or 'unknown'}.{tail}"


def created(intent: Schedule, result: dict[str, Any]) -> str:
    """Confirm what now stands in the calendar, by the calendar's own word."""
    start, end = moment_of(result.get("start")), moment_of(result.get("end"))
    when = _stretch(start or intent.start, end)
    told = result.get("guests")
    guests = ", ".join(line(guest) for guest in told) if isinstance(told, list) else ""
    sentences = [f'Done: "{line(result.get("title") or intent.title)}" is in your calendar on {when}.']
    sentences += [f"Invited: {guests}."] if guests else []
    notes = result.get("notes")
    sentences += [line(note) for note in notes] if isinstance(notes, list) else []
    sentences += [f"Link: {line(result['link'])}"] if result.get("link") else []
    return " ".join(sentences)


def who(guest: str, contacts: list[dict[str, Any]], incomplete: list[str]) -> str:
    """Nobody, several people, or somebody with a similar name: ask for the address."""
    name = line(guest)
    if not contacts:
        unasked = f" (I could not look into: {', '.join(incomplete)}.)" if incomplete else ""
        return (
            f"I found no address for {name} in your mail and calendar.{unasked} "
            "Please say it again with the e-mail address."
        )
    listed = [f"- {_person(contact.get('name'), contact.get('address'))}" for contact in contacts]
    asked = f"I found {name} more than once. Whom do you mean?" if len(contacts) > 1 else f"Do you mean this {name}?"
    return "\n".join([asked, *listed, "Please say it again with the e-mail address. Nothing is scheduled yet."])


def _mail(mail: dict[str, Any], *, with_day: bool) -> str:
    sender = mail.get("from") or mail.get("sender")
    person = _person(sender.get("name"), sender.get("address")) if isinstance(sender, dict) else line(sender)
    at = moment_of(mail.get("received_at"))
    when = "" if at is None else f", {at:%H:%M}" + (f" on {spoken(at.date())}" if with_day else "")
    return f"{line(mail.get('subject')) or '(no subject)'}, from {person or 'an unknown sender'}{when}"


def _event(event: dict[str, Any]) -> str:
    title = line(event.get("title")) or "(no title)"
    names = [line(guest.get("name") or guest.get("address")) for guest in rows(event, "guests")]
    people = f", with {', '.join(filter(None, names))}" if any(names) else ""
    place = f", at {line(event['location'])}" if event.get("location") else ""
    when = "all day" if event.get("all_day") else _between(event)
    return f"{when}: {title}{people}{place}"


def _between(stretch: dict[str, Any]) -> str:
    start, end = moment_of(stretch.get("start")), moment_of(stretch.get("end"))
    if start is None or end is None:
        return "at an unknown time"
    if start.date() == end.date():
        return f"{start:%H:%M}-{end:%H:%M}"
    return f"{spoken(start.date())} {start:%H:%M} - {spoken(end.date())} {end:%H:%M}"


def _stretch(start: datetime, end: datetime | None) -> str:
    zone = f" ({start.tzinfo})" if start.tzinfo and "/" in str(start.tzinfo) else ""
    if end is None:
        return f"{spoken(start.date())} at {start:%H:%M}{zone}"
    if end.date() == start.date():
        return f"{spoken(start.date())}, {start:%H:%M}-{end:%H:%M}{zone}"
    return f"{spoken(start.date())} {start:%H:%M} to {spoken(end.date())} {end:%H:%M}{zone}"


def _person(name: object, address: object) -> str:
    named, at = line(name), line(address)
    return f"{named} <{at}>" if named and at and named != at else named or at


def _spoken(day: str | None) -> str:
    try:
        return spoken(date.fromisoformat(day or ""))
    except ValueError:
        return line(day)


def moment_of(text: object) -> datetime | None:
    """A moment, or the beginning of a day; None for anything else."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def line(text: object) -> str:
    """Plain and short, whatever it holds."""
    plain = "".join(c if c.isprintable() else " " for c in str(text or ""))
    return " ".join(plain.split())[:LONGEST_TEXT]
