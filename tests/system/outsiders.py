"""Links that owners give out, and outsiders who come by them over HTTP."""

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from libs.sandbox import Sandbox
from libs.testing.client import AdjutantClient

GUEST = {"name": "Grace Hopper", "address": "grace@example.org", "note": "About compilers", "timezone": "Asia/Tokyo"}
ALWAYS = {
    day: [{"from": "00:00", "to": "24:00"}]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
_addresses = count(1)


async def make_link(owner: AdjutantClient, label: str, **rules: Any) -> dict[str, Any]:
    given = {"label": label, "timezone": "Europe/Berlin", "hours": ALWAYS, "notice": 0, "days_ahead": 300} | rules
    answer = await owner.post("/api/delegations", given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


class Visitor:
    """Somebody outside: no account, no cookie, an address of their own."""

    def __init__(self, url: str, token: str) -> None:
        self.address = f"203.0.{next(_addresses) % 250}.{random.randint(1, 250)}"  # noqa: S311 - documentation range
        self.token = token
        self._url = url

    async def __aenter__(self) -> "Visitor":
        headers = {"x-forwarded-for": self.address}
        self.http = httpx.AsyncClient(base_url=f"{self._url}/api/booking/{self.token}", headers=headers, timeout=60)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def page(self) -> httpx.Response:
        return await self.http.get(f"{self._url}/api/booking/{self.token}")

    async def slots(self, day: datetime, duration: int = 30, timezone: str = "UTC") -> list[datetime]:
        on = day.date().isoformat()
        answer = await self.http.get(
            "/slots", params={"from": on, "to": on, "duration": duration, "timezone": timezone}
        )
        assert answer.status_code == 200, answer.text
        return [datetime.fromisoformat(slot) for slot in answer.json()["slots"]]

    async def hold(self, start: datetime, duration: int = 30) -> httpx.Response:
        return await self.http.post("/holds", json={"start": start.isoformat(), "duration": duration})

    async def book(self, hold: dict[str, Any], **details: str) -> httpx.Response:
        who = {"booking_id": hold["booking_id"], "secret": hold["secret"]}
        return await self.http.post("/bookings", json=who | GUEST | details)


def in_days(days: int, hour: int) -> datetime:
    return datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)


async def events(sandbox: Sandbox, label: str) -> list[dict[str, Any]]:
    return [event for event in await sandbox.calendar_events() if event["summary"].startswith(label)]
