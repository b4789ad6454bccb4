"""What a failure means for the run and for the next one: a decision of values.

| what went wrong | this run | the next one |
|---|---|---|
| token refused | renewed once, goes on | as after any failure; after two such runs none, until connected again |
| connection dead at the provider | ends | none until the user connects again (oauth tells everybody) |
| asked to slow down | ends, keeps what came | when the provider said, else 1, 5, 15, 60 minutes |
| away, slow, garbled | tried three times, then ends | with the schedule |
| one stream not allowed or gone | goes on with the others | with the schedule |
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from libs.providers.errors import ProviderBusy
from libs.resilience.errors import AdjutantError

TRIES = 3
LADDER_MINUTES = (1, 5, 15, 60)
LONGEST_PAUSE_S = 86_400.0
"""A provider that names a longer one is asked again after a day."""
FAILING_AFTER = 3
"""Failed runs in a row after which the user is told."""
REFUSED_AFTER = 2
"""Runs in a row that ended with a refusal of fresh tokens, after which only the user can mend it."""
WAITS_FOR_ITS_USER = frozenset({"reauthorization_required", "not_connected"})


@dataclass(frozen=True, slots=True)
class Next:
    """When to sync again."""

    after: timedelta


def pause_before_try(tries: int, chance: random.Random) -> float:
    """Seconds before a page is asked for again: 0.5, 1, 2 … with up to a quarter more."""
    return 0.5 * 2.0 ** (tries - 1) * (1 + chance.random() / 4)


def next_run(error: AdjutantError | None, failures: int, period_s: float, chance: random.Random) -> timedelta:
    """How long after this run the next one is due; `failures` in a row before this one."""
    regular = timedelta(seconds=period_s * (0.75 + chance.random() / 2))
    if not isinstance(error, ProviderBusy):
        return regular
    if error.retry_after_s is not None:
        return timedelta(seconds=min(error.retry_after_s, LONGEST_PAUSE_S) + chance.random())
    return timedelta(minutes=LADDER_MINUTES[min(failures, len(LADDER_MINUTES) - 1)])
