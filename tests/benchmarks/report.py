"""One measurement, one line of JSON, so that runs can be compared by program."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value beside the baseline that the same run measured and the target it is held against."""

    bench: str
    metric: str
    value: float
    unit: str
    baseline: float
    """The same figure without Adjutant in between (the model server called directly, raw NATS, raw SQL)."""
    target: float
    better: Literal["lower", "higher"] = "lower"

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def print(self) -> None:
        """Write the line to standard output."""
        line = asdict(self) | {"ok": self.ok}
        del line["better"]
        for key in ("value", "baseline"):
            line[key] = round(line[key], 3)
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def median_ms(work: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds that it takes, by the clock's seconds; `time.process_time` counts CPU only."""
    took: list[float] = []
    for _ in range(times):
        began = clock()
        work()
        took.append(clock() - began)
    return sorted(took)[times // 2] * 1000


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
