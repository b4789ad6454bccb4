"""The moment after which nobody waits for the outcome any more."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment that travels with a request; every wait inside it is cut to what remains."""

    at: datetime

    @classmethod
    def after(cls, seconds: float) -> Self:
        """So many seconds from now."""
        return cls(datetime.now(UTC) + timedelta(seconds=seconds))

    def remaining_s(self) -> float:
        """Seconds left; zero when it has passed."""
        return max(0.0, (self.at - datetime.now(UTC)).total_seconds())

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.remaining_s() == 0.0
