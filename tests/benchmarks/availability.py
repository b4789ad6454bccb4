"""How long it takes to find every free slot of a year: 20 calendars with 10,000 events together.

The baseline is what cannot be left out: the events put in order, and nothing else.
"""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.tool.delegation.availability import Span, Taken, free_starts
from services.tool.delegation.constraints import Constraints
from tests.benchmarks.report import Measurement, median_ms

CALENDARS, EVENTS, DAYS = 20, 10_000, 365
TIMES = 20
TARGET_MS = 100.0
START = datetime(2026, 11, 23, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
RULES = Constraints(
    durations=(30,), step_minutes=15, buffer_after_minutes=10, notice_minutes=0, days_ahead=DAYS, max_per_day=4
)


def run() -> None:
    """Print one line for the year, and one for the month that a booking page shows."""
    taken = _taken(random.Random(7))  # noqa: S311 - the same year each time
    baseline = median_ms(lambda: sorted(taken.busy), TIMES)
    year, month = (Span(START, START + timedelta(days=days)) for days in (DAYS, 31))
    for name, window in (("year_of_20_calendars", year), ("month_of_20_calendars", month)):
        found = median_ms(lambda window=window: free_starts(taken, RULES, BERLIN, window, 30, START), TIMES)  # type: ignore[misc]
        Measurement("tools.availability", name, found, "ms", baseline, TARGET_MS).print()


def _taken(chance: random.Random) -> Taken:
    """Each calendar has its share of events, on quarters of an hour, half an hour long on average."""
    busy = []
    for _ in range(CALENDARS):
        for _ in range(EVENTS // CALENDARS):
            start = START + timedelta(minutes=15 * chance.randrange(DAYS * 96))
            busy.append(Span(start, start + timedelta(minutes=chance.choice((15, 30, 45)))))
    return Taken(busy, [span.start for span in busy[:300]])
