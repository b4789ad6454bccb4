"""What can go wrong in chat.

AdjutantError
├── NotFound
│   ├── ConversationNotFound
│   └── TurnNotFound
├── Conflict
│   └── TurnNotRepeatable
└── Unavailable
    ├── TurnHeld        another replica runs it; delivered again later
    └── TurnLost        another replica took it over while we ran it
"""

from libs.resilience.errors import Conflict, NotFound, Unavailable


class ConversationNotFound(NotFound):
    """Not there, or somebody else's."""

    slug = "conversation_not_found"
    advice = "List your conversations with GET /api/conversations."


class TurnNotFound(NotFound):
    """Not there, somebody else's, or not begun yet."""

    slug = "turn_not_found"


class TurnNotRepeatable(Conflict):
    """Answering it anew is not possible, or would do harm."""

    slug = "turn_not_repeatable"


class TurnHeld(Unavailable):
    """A replica holds the lease of this turn."""

    slug = "turn_held"


class TurnLost(Unavailable):
    """The lease ran out under us and a successor took the turn: nothing more may be written."""

    slug = "turn_lost"
