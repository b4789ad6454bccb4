"""What can go wrong in chat.

AdjutantError
├── NotFound
│   ├── ConversationNotFound
│   └── TurnNotFound
├── Conflict
│   └── TurnNotRepeatable
├── RateLimited
│   ├── QuotaReached    the plan's share of an hour or day is used up
│   └── BudgetReached   the month's money is spent or put aside
├── InvalidInput
│   └── RequestNotUnderstood
└── Unavailable
    ├── TurnHeld        another replica runs it; delivered again later
    └── TurnLost        another replica took it over while we ran it
"""

from libs.resilience.errors import Conflict, InvalidInput, NotFound, RateLimited, Unavailable


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


class QuotaReached(RateLimited):
    """More than the plan allows in this minute, hour or day."""

    slug = "quota_reached"
    advice = "Wait as long as Retry-After says, or ask your operator for a larger plan."


class BudgetReached(RateLimited):
    """The month's budget of the user or the organization does not hold this request."""

    slug = "budget_reached"
    advice = "Raise the budget (PUT /api/budgets), or wait for the next month."


class RequestNotUnderstood(InvalidInput):
    """A model request that says something we cannot pass on."""

    slug = "model_request_not_understood"
    advice = "Correct what the detail names."


class TurnHeld(Unavailable):
    """A replica holds the lease of this turn."""

    slug = "turn_held"


class TurnLost(Unavailable):
    """The lease ran out under us and a successor took the turn: nothing more may be written."""

    slug = "turn_lost"
