"""Owners who give out links and outsiders who come by them, speaking to tool as the gateway does."""

import hashlib
import json
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.bookings import (
    BookingView,
    BookSlot,
    CancelBooking,
    CancelOwnBooking,
    FindOwnBooking,
    FindSlots,
    GuestBooking,
    HoldSlot,
    ListBookings,
    MoveOwnBooking,
    SlotHeld,
)
from contracts.delegations import (
    BookingPage,
    ChangeDelegation,
    CreateDelegation,
    DelegationTerms,
    DelegationView,
    OpenBookingPage,
    Opening,
    RevokeDelegation,
)
from contracts.envelope import Scope
from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from libs.vault import TransitSeal

HOST = "owner@example.com"
PATIENCE_S = 30.0
ALWAYS = tuple(Opening(weekday=day, start=0, end=1440) for day in range(7))


def hashed(secret: str) -> str:
    """As the gateway sends a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def terms(**changes: Any) -> DelegationTerms:
    """A link that is open day and night, in steps of half an hour, unless told otherwise."""
    given = {"label": "A talk", "timezone": "Europe/Berlin", "openings": ALWAYS, "durations": (30,)}
    return DelegationTerms.model_validate(given | {"notice_minutes": 0, "days_ahead": 365} | changes)


@dataclass
class Owner:
    """Keeps links."""

    gateway: Bus
    seal: TransitSeal
    scope: Scope
    google: str

    async def link(self, expires_at: datetime | None = None, **changes: Any) -> "Visitor":
        """A visitor with a new link in hand."""
        token = secrets.token_urlsafe(32)
        sealed = self.seal.seal("delegation_terms", self.scope, terms(**changes).model_dump_json())
        query = CreateDelegation(token_hash=hashed(token), sealed_terms=sealed, expires_at=expires_at)
        made = await self.gateway.ask(query, scope=self.scope)
        return Visitor(self, token, made)

    async def change(self, visitor: "Visitor", **changes: Any) -> DelegationView:
        """Other terms for a link; `expires_at` among them."""
        query = ChangeDelegation(
            delegation_id=visitor.link.delegation_id,
            changes_expiry="expires_at" in changes,
            expires_at=changes.pop("expires_at", None),
            sealed_changes=self.seal.seal("delegation_terms", self.scope, json.dumps(changes)),
        )
        return await self.gateway.ask(query, scope=self.scope)

    async def bookings(self, visitor: "Visitor") -> tuple[BookingView, ...]:
        """What came of a link."""
        query = ListBookings(delegation_id=visitor.link.delegation_id)
        return (await self.gateway.ask(query, scope=self.scope)).bookings

    async def revoke(self, visitor: "Visitor") -> bool:
        """End a link."""
        query = RevokeDelegation(delegation_id=visitor.link.delegation_id)
        return (await self.gateway.ask(query, scope=self.scope)).changed

    async def cancel(self, visitor: "Visitor", booking_id: str) -> BookingView:
        """Call an appointment off."""
        query = CancelBooking(delegation_id=visitor.link.delegation_id, booking_id=booking_id)
        return await self.gateway.ask(query, scope=self.scope, timeout_s=PATIENCE_S)

    async def occupy(self, start: datetime, minutes: int, title: str) -> None:
        """Put something into the calendar by the provider's own door."""
        end = start + timedelta(minutes=minutes)
        times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        async with httpx.AsyncClient(headers={"authorization": "Bearer owner"}) as http:
            events = f"{self.google}/calendar/v3/calendars/primary/events"
            (await http.post(events, json={"summary": title, **times})).raise_for_status()

    async def events(self, text: str) -> list[dict[str, Any]]:
        """What stands in the calendar with that text in its title, asked of the emulator itself."""
        async with httpx.AsyncClient() as http:
            answer = await http.get(
                f"{self.google}/calendar/v3/calendars/primary/events",
                params={"q": text, "maxResults": 250},
                headers={"authorization": "Bearer looking"},
            )
        items: list[dict[str, Any]] = answer.json()["items"]
        return [item for item in items if text in item["summary"]]


@dataclass
class Visitor:
    """Somebody outside with a link."""

    owner: Owner
    token: str
    link: DelegationView

    @property
    def bus(self) -> Bus:
        return self.owner.gateway

    async def page(self, *, also_ended: bool = False) -> BookingPage:
        """What the link shows; asked without a user."""
        return await self.bus.ask(OpenBookingPage(token_hash=hashed(self.token), also_ended=also_ended), scope=None)

    async def slots(self, start: datetime, days: float = 1, minutes: int = 30) -> list[datetime]:
        """Free times."""
        query = FindSlots(
            delegation_id=self.link.delegation_id, start=start, end=start + timedelta(days=days), minutes=minutes
        )
        return list((await self.bus.ask(query, scope=self.owner.scope, timeout_s=10)).starts)

    async def hold(self, start: datetime, secret: str = "of the hold", minutes: int = 30) -> SlotHeld:
        """Ten minutes to decide."""
        query = HoldSlot(delegation_id=self.link.delegation_id, start=start, minutes=minutes, hold_hash=hashed(secret))
        return await self.bus.ask(query, scope=self.owner.scope, timeout_s=PATIENCE_S)

    async def book(
        self,
        held: SlotHeld,
        secret: str = "of the hold",
        manage: str = "to manage",
        **details: Any,
    ) -> GuestBooking:
        """Make a hold a booking."""
        given = {"name": "Grace", "address": "grace@example.org", "note": "", "timezone": "America/New_York"} | details
        query = BookSlot(
            delegation_id=self.link.delegation_id,
            booking_id=held.booking_id,
            hold_hash=hashed(secret),
            manage_hash=hashed(manage),
            sealed_guest=self.owner.seal.seal("booking_guest", self.owner.scope, json.dumps(given)),
        )
        return await self.bus.ask(query, scope=self.owner.scope, timeout_s=PATIENCE_S)

    async def find(self, booking_id: str, manage: str = "to manage") -> GuestBooking:
        """Where it stands."""
        query = FindOwnBooking(delegation_id=self.link.delegation_id, booking_id=booking_id, manage_hash=hashed(manage))
        return await self.bus.ask(query, scope=self.owner.scope)

    async def cancel(self, booking_id: str, secret: str = "to manage") -> GuestBooking:
        """Not come after all."""
        query = CancelOwnBooking(
            delegation_id=self.link.delegation_id, booking_id=booking_id, secret_hash=hashed(secret)
        )
        return await self.bus.ask(query, scope=self.owner.scope, timeout_s=PATIENCE_S)

    async def move(self, booking_id: str, start: datetime, manage: str = "to manage") -> GuestBooking:
        """Come at another time."""
        query = MoveOwnBooking(
            delegation_id=self.link.delegation_id, booking_id=booking_id, manage_hash=hashed(manage), start=start
        )
        return await self.bus.ask(query, scope=self.owner.scope, timeout_s=PATIENCE_S)


def at(days: int, hour: int, minute: int = 0) -> datetime:
    """So many days from now at that hour, UTC. Each test of a module has days of its own: they share a calendar."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
    return day + timedelta(hours=hour, minutes=minute)


async def refused(doing: Awaitable[object]) -> str:
    """The slug of the error."""
    with pytest.raises(AdjutantError) as caught:
        await doing
    return caught.value.slug
