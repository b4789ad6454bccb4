"""Who is meant by a name: names and addresses from recent mail headers and calendar guests, nothing else."""

import asyncio
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, Field

from contracts.tool import Effect
from libs.bus import OURS_AWAY
from libs.resilience.errors import AdjutantError
from services.tool.arguments import Arguments, Words
from services.tool.context import Context
from services.tool.errors import InvalidArguments
from services.tool.registry import Tool

MAIL, CALENDAR = "gmail", "calendar"
MAX_CONTACTS = 8
MAILS_LOOKED_AT = 20
EVENTS_LOOKED_AT = 50
PAST, AHEAD = timedelta(days=180), timedelta(days=60)
_WORD = re.compile(r"[\w'+-]+")
_MACHINE = re.compile(r"^(?:no-?reply|do-?not-?reply|notifications?|mailer-daemon|bounces?)\b", re.IGNORECASE)


class ContactsFind(Arguments):
    """Whom to look for."""

    name: Words = Field(description="Name of a person, or part of it; an address works too")


class Contact(BaseModel):
    """A person the user has been in touch with; `known`: the user has written to this address."""

    name: str
    address: str
    known: bool


class Contacts(BaseModel):
    """The likeliest first. `incomplete` names what could not be asked."""

    contacts: list[Contact]
    incomplete: list[str] = []


@dataclass(frozen=True, slots=True)
class Sighting:
    """A name and an address seen together; `weight` is higher for people the user dealt with.

    `is_written_to`: in a mail that the user sent. Only that is the user's own doing: anybody can write to them, and put
    an event with any guests into their calendar.
    """

    name: str
    address: str
    weight: int
    is_written_to: bool = False


async def contacts_find(arguments: ContactsFind, context: Context) -> Contacts:
    """Mail and calendar are asked together; one that cannot answer is named, unless neither can."""
    words = _words(arguments.name)
    if not words:
        raise InvalidArguments("contacts_find: name holds no word to look for.")
    asked = {MAIL: _from_mail(words, context), CALENDAR: _from_calendar(words, context)}
    answers = dict(zip(asked, await asyncio.gather(*asked.values(), return_exceptions=True), strict=True))
    failures = {source: answer for source, answer in answers.items() if isinstance(answer, BaseException)}
    for failure in failures.values():
        if not isinstance(failure, AdjutantError) or len(failures) == len(asked):
            raise failure
        if failure.slug in OURS_AWAY:
            # Half an answer would not know whom the user has written to, and cost a question; in a moment there is all.
            raise failure
    seen = [sighting for answer in answers.values() if isinstance(answer, list) for sighting in answer]
    return Contacts(contacts=ranked(words, seen), incomplete=sorted(failures))


def ranked(words: tuple[str, ...], seen: Iterable[Sighting]) -> list[Contact]:
    """People whose name or address has every word, by how much the user dealt with them."""
    seen = tuple(seen)
    known = {sighting.address.lower() for sighting in seen if sighting.is_written_to}
    # What people call themselves is their own doing: the name under which the user wrote to them goes first.
    by_user = {sighting.address.lower(): sighting.name for sighting in seen if sighting.is_written_to and sighting.name}
    names: dict[str, str] = {}
    weights: dict[str, int] = {}
    for sighting in seen:
        address = sighting.address.lower()
        if not _matches(words, f"{sighting.name} {address}") or _MACHINE.match(address):
            continue
        weights[address] = weights.get(address, 0) + sighting.weight
        names[address] = by_user.get(address) or max(names.get(address, ""), sighting.name, key=len)
    best = sorted(weights, key=lambda address: (-weights[address], address))[:MAX_CONTACTS]
    return [Contact(name=names[address], address=address, known=address in known) for address in best]


def _matches(words: tuple[str, ...], text: str) -> bool:
    present = _words(text)
    return all(any(candidate.startswith(word) for candidate in present) for word in words)


def _words(text: str) -> tuple[str, ...]:
    """Lower case without accents: "André" is found as "andre"."""
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return tuple(_WORD.findall(letters.casefold()))[:6]


async def _from_mail(words: tuple[str, ...], context: Context) -> list[Sighting]:
    async def search(token: str) -> list[Sighting]:
        queries = (" ".join(f"{field}:{word}" for word in words) for field in ("from", "to"))
        pages = await asyncio.gather(
            *(context.gmail.find(token, query, MAILS_LOOKED_AT, timeout_s=context.timeout_s) for query in queries)
        )
        ids = tuple(dict.fromkeys(id for page in pages for id in page.ids))
        mails = await context.gmail.summaries(token, ids, timeout_s=context.timeout_s)
        # Somebody the user wrote to is likelier meant than somebody who only writes to the user.
        return [
            Sighting(person.name, person.address, 3 if is_sent else 1, is_written_to=is_sent and person != mail.sender)
            for mail in mails
            for is_sent in ("SENT" in mail.labels,)
            for person in (mail.sender, *mail.to, *mail.cc)
        ]

    return await context.access.use(MAIL, search)


async def _from_calendar(words: tuple[str, ...], context: Context) -> list[Sighting]:
    async def search(token: str) -> list[Sighting]:
        start, end = context.now - PAST, context.now + AHEAD
        events = await context.calendar.events(
            token, start, end, words=" ".join(words), limit=EVENTS_LOOKED_AT, timeout_s=context.timeout_s
        )
        return [
            Sighting(_one_line(guest.name), guest.address, 2)
            for event in events
            for guest in event.guests
            if not guest.is_owner
        ]

    return await context.access.use(CALENDAR, search)


def _one_line(name: str) -> str:
    return "".join(character for character in name if character.isprintable())


CONTACTS_TOOLS = (
    Tool(
        name="contacts_find",
        description="Find the e-mail address of a person by name, from the user's recent mail and calendar.",
        effect=Effect.READ,
        arguments=ContactsFind,
        run=contacts_find,
        needs=frozenset({MAIL, CALENDAR}),
        any_will_do=True,
        returns_untrusted_text=True,
    ),
)
