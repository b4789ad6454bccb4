"""What users know events, mails and other things by: for previews, in place of ids. The words may be an outsider's."""

from collections.abc import Sequence
from datetime import date, datetime

from contracts.actions import PreviewField
from services.tool.consent.legible import legible
from services.tool.context import Context
from services.tool.windows import in_words

LONGEST_NAME = 80
MOST_GUESTS = 50

Names = tuple[PreviewField, ...]


def named(label: str, text: str, most: int = LONGEST_NAME) -> PreviewField:
    """One line. What has no name is said to have none."""
    return PreviewField(label=label, value=legible(text, most) or "(without a name)")


def named_event(title: str, start: datetime | date, told: Sequence[str], context: Context) -> Names:
    """`Design review, Monday, 03 March 2031, 14:00`, and who is told of what becomes of it."""
    name = named("Event", title)
    fields = (PreviewField(label="Event", value=f"{name.value}, {in_words(start, context.tz)}"),)
    if not told:
        return fields
    more = f" and {len(told) - MOST_GUESTS} more" if len(told) > MOST_GUESTS else ""
    guests = ", ".join(legible(address, 254) for address in told[:MOST_GUESTS])
    return (*fields, PreviewField(label="Guests who are told", value=f"{guests}{more}"))


def named_mail(subject: str, sender_name: str, sender: str) -> Names:
    """Its subject, and who wrote it: the address is told beside the name, which anybody may choose."""
    name = legible(sender_name, LONGEST_NAME)
    address = legible(sender, 254)
    written_by = f"{name} <{address}>" if name and name != address else address
    return (named("Mail", subject), PreviewField(label="Written by", value=written_by or "(unknown)"))
