"""How often other people's APIs were asked: the shape in which every service that calls providers tells it."""

from datetime import date

from contracts.envelope import Reply


class ApiUsage(Reply):
    """What one provider was asked on one day (UTC)."""

    provider: str
    day: date
    calls: int
    failures: int
    limited: int
    """Answered "too many requests"."""


class ApiUsages(Reply):
    """One entry per provider and day."""

    usages: tuple[ApiUsage, ...]
