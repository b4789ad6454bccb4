"""The errors of context.

InvalidInput
├── UnknownTimezone       no such IANA timezone
└── InvalidDisplayName    not a name a person could have
"""

from libs.resilience.errors import InvalidInput


class UnknownTimezone(InvalidInput):
    """The timezone database has no such name."""

    slug = "unknown_timezone"
    advice = "Give an IANA name such as Europe/Berlin."


class InvalidDisplayName(InvalidInput):
    """Empty, too long, or with control characters."""

    slug = "invalid_display_name"
    advice = "Give a name of 1 to 200 printable characters."
