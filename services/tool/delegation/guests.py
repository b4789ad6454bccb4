"""The outsider who books: their words made harmless to look at, bounded, sealed. They are never instructions."""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError

from libs.vault import UserKey
from services.tool import times
from services.tool.arguments import EmailAddress
from services.tool.delegation.errors import GuestDetailsRefused
from services.tool.errors import TimeNotUnderstood

PURPOSE = "booking_guest"
NAME_CHARACTERS, NOTE_CHARACTERS = 80, 500

_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)
# What shows nothing and is no control character: fillers, selectors, joiners. Text can be smuggled in them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_PILE = re.compile(f"({_MARKS}{{3}}){_MARKS}+")


@dataclass(frozen=True, slots=True, repr=False)
class Host:
    """The owner as they were when the outsider booked: the same booking makes the same event whenever it is written.

    `calendars` are the providers of their calendars; the event goes into the first, where they are `address`.
    """

    address: str = ""
    calendars: tuple[str, ...] = ("calendar",)


@dataclass(frozen=True, slots=True, repr=False)
class Guest:
    """Somebody outside. `timezone` is the zone they were shown times in, `host` whom they meet.

    `label` and `zone` are their link's when they booked: the same booking makes the same event also when the link says
    something else by now. Empty for what was booked before links could change.
    """

    name: str
    address: str
    note: str
    timezone: str
    host: Host = Host()
    label: str = ""
    zone: str = ""

    def seal(self, key: UserKey, booking_id: str) -> bytes:
        """For the row of this booking."""
        return key.seal(PURPOSE, booking_id, json.dumps(asdict(self), separators=(",", ":")).encode())


def open_guest(key: UserKey, booking_id: str, sealed: bytes) -> Guest:
    """Who was sealed for this booking."""
    found = json.loads(key.open(PURPOSE, booking_id, sealed))
    host = found.pop("host")
    return Guest(**found, host=Host(host["address"], tuple(host["calendars"])))


def cleaned(name: str, address: str, note: str, timezone: str) -> Guest:
    """Without what cannot be seen. Raises GuestDetailsRefused, naming the field and never quoting it."""
    name, note = seen(name, NAME_CHARACTERS, lines=False), seen(note, NOTE_CHARACTERS, lines=True)
    if not name:
        raise GuestDetailsRefused("name: must have visible characters.")
    try:
        address = _ADDRESS.validate_python(address)
    except ValidationError:
        raise GuestDetailsRefused("address: must be an e-mail address such as sarah@example.com.") from None
    if not address.isascii():
        raise GuestDetailsRefused("address: must be written in ASCII.")
    try:
        times.zone(timezone)
    except TimeNotUnderstood as error:
        raise GuestDetailsRefused(error.detail) from error
    return Guest(name, address, note, timezone)


def seen(text: str, most: int, *, lines: bool) -> str:
    """What a reader sees of a text: no control, format, private or unassigned characters, blanks joined, bounded."""
    text = unicodedata.normalize("NFC", text[: 8 * most].replace("\r\n", "\n"))
    kept = "".join(_shown(character, lines) for character in _UNSEEN.sub("", text))
    kept = _PILE.sub(r"\1", kept)
    parts = (" ".join(part.split()) for part in kept.split("\n"))
    return "\n".join(part for part in parts if part)[:most].strip()


def _shown(character: str, lines: bool) -> str:
    if character in "\n\u2028\u2029\x85":
        return "\n" if lines else " "
    category = unicodedata.category(character)
    if category == "Zs" or character == "\t":
        return " "
    return "" if category.startswith(("C", "Z")) else character
