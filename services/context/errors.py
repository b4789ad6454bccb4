"""The errors of context.

InvalidInput
├── UnknownTimezone       no such IANA timezone
├── InvalidDisplayName    not a name a person could have
├── MemoryRejected        nothing of the user's stands behind it
├── MalformedCursor       not a cursor that was given
└── NothingToForget       not said what is to be forgotten
NotFound
└── MemoryNotFound        no such entry, or not theirs
Conflict
└── MemoryExists          another entry says that already
"""

from libs.resilience.errors import Conflict, InvalidInput, NotFound


class UnknownTimezone(InvalidInput):
    """The timezone database has no such name."""

    slug = "unknown_timezone"
    advice = "Give an IANA name such as Europe/Berlin."


class InvalidDisplayName(InvalidInput):
    """Empty, too long, or with control characters."""

    slug = "invalid_display_name"
    advice = "Give a name of 1 to 200 printable characters."


class MemoryRejected(InvalidInput):
    """It may not be remembered: nobody but others said it, or what said it is gone."""

    slug = "memory_rejected"
    advice = "Remember what the user says, and cite where they said it."


class MalformedCursor(InvalidInput):
    """Not a cursor this service gave."""

    slug = "malformed_cursor"
    advice = "Begin without a cursor."


class NothingToForget(InvalidInput):
    """Neither keys nor ids nor everything."""

    slug = "nothing_to_forget"
    advice = "Name keys or ids, or ask for everything to be forgotten."


class MemoryNotFound(NotFound):
    """There is no such entry, or it is somebody else's."""

    slug = "memory_not_found"
    advice = "List the entries."


class MemoryExists(Conflict):
    """The new words are those of another entry."""

    slug = "memory_exists"
    advice = "Keep the other entry and forget this one."
