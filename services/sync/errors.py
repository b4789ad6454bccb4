"""How sync fails.

AdjutantError
├── NotFound
│   └── SourceNotFound
├── InvalidInput
│   ├── MalformedCursor
│   └── PeriodTooLong
└── Unavailable
    └── RunLost          another replica took the run over
"""

from libs.resilience.errors import InvalidInput, NotFound, Unavailable


class SourceNotFound(NotFound):
    """This provider is not connected."""

    slug = "source_not_found"
    advice = "Connect it first: POST /api/integrations/connect."


class MalformedCursor(InvalidInput):
    """Not a cursor this service gave."""

    slug = "malformed_cursor"
    advice = "Begin without a cursor."


class PeriodTooLong(InvalidInput):
    """More days than one answer holds, or an end before the start."""

    slug = "period_too_long"
    advice = "Ask for at most 366 days, the start first."


class RunLost(Unavailable):
    """Our lease ran out and a successor runs it: nothing more may be written."""

    slug = "run_lost"
