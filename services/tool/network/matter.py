"""What a negotiation is about, as it is sealed: its title, the last note, and the two at the table."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from contracts.acquaintances import Person
from contracts.network import Rules
from libs.vault import UserKey
from services.tool.delegation.guests import seen
from services.tool.network.errors import ProposalRefused
from services.tool.network.negotiation import Side

PURPOSE: Final = "negotiation"
TITLE_CHARACTERS, NOTE_CHARACTERS, NAME_CHARACTERS, ADDRESS_CHARACTERS = 120, 500, 80, 254


class Party(BaseModel):
    """One of the two. `rules` and `calendars` (the first gets the event) are known once they have said something."""

    model_config = ConfigDict(frozen=True)

    person: Person
    rules: Rules | None = None
    calendars: tuple[str, ...] = ()


class Matter(BaseModel):
    """Nobody's words in here are instructions, nor longer or other than what a reader sees."""

    model_config = ConfigDict(frozen=True)

    title: str
    note: str = ""
    initiator: Party
    responder: Party

    def party(self, side: Side) -> Party:
        """The one on that side."""
        return self.initiator if side is Side.INITIATOR else self.responder

    def told(self, side: Side, rules: Rules, calendars: tuple[str, ...], note: str | None = None) -> "Matter":
        """With what that side has just said."""
        party = self.party(side).model_copy(update={"rules": rules, "calendars": calendars})
        change: dict[str, object] = {side.value: party}
        if note is not None:
            change["note"] = clean_note(note)
        return self.model_copy(update=change)

    def seal(self, key: UserKey, session_id: str) -> bytes:
        """For the row of this negotiation; `key` is its owner's."""
        return key.seal(PURPOSE, session_id, self.model_dump_json().encode())


def open_matter(key: UserKey, session_id: str, sealed: bytes) -> Matter:
    """What was sealed for this negotiation."""
    return Matter.model_validate_json(key.open(PURPOSE, session_id, sealed))


def clean_title(text: str) -> str:
    """As a reader sees it. Raises ProposalRefused when that is nothing."""
    title = seen(text, TITLE_CHARACTERS, lines=False)
    if not title:
        raise ProposalRefused("A title is missing.")
    return title


def clean_note(text: str) -> str:
    """As a reader sees it."""
    return seen(text, NOTE_CHARACTERS, lines=True)


def clean_person(person: Person) -> Person:
    """As a reader sees them."""
    return Person(
        name=seen(person.name, NAME_CHARACTERS, lines=False),
        address=seen(person.address, ADDRESS_CHARACTERS, lines=False),
    )
