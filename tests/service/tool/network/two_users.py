"""Two users of the platform, each with a Google of their own, speaking to tool as the gateway does.

The emulated Google takes every token for its first user, so there are two of them, and the front sends a request to the
one whose user the token is of.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from nats.aio.msg import Msg

from contracts.acquaintances import (
    AcquaintanceView,
    AnswerInvitation,
    Invitation,
    InviteAcquaintance,
    ListAcquaintances,
    Person,
    RemoveAcquaintance,
)
from contracts.envelope import Envelope, Scope
from contracts.ids import UserId, new_id
from contracts.network import (
    AcceptProposal,
    CounterProposal,
    EndNegotiation,
    ListNegotiations,
    NegotiationView,
    Offer,
    Rules,
    StartNegotiation,
    Topic,
)
from contracts.oauth import AccessToken, GetAccessToken
from libs.bus import Bus
from libs.vault import TransitSeal
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault, Front, Writer, _fail
from tests.service.tool.oauth_peer import OAuthPeer

PATIENCE_S = 30.0
FIRST, SECOND = "token-of-the-first", "token-of-the-second"
ANYTIME = Rules(timezone="Europe/Berlin")


class TwoFronts(Front):
    """Before both Googles."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.upstreams = {FIRST: first, SECOND: second}
        self.refused_by_second: Fault | None = None
        self.refused_text = b""
        self.deletion_held: asyncio.Event | None = None
        self.deletions_held_before: dict[str, asyncio.Event] = {}
        self.deletions_held_after: dict[str, asyncio.Event] = {}
        """Ids of events whose deletion is held: before the emulator has it, or after the emulator has done it."""

    def refuse_second(self, on: str, status: int, text: bytes = b"") -> None:
        """What the second Google says to such requests from now on, if that text is in their body."""
        self.refused_by_second, self.refused_text = Fault(on, status=status, times=100), text

    def reset(self) -> None:
        super().reset()
        self.refused_by_second = None
        self.deletion_held = None
        self.deletions_held_before.clear()
        self.deletions_held_after.clear()

    async def _answer(self, line: str, headers: dict[str, str], body: bytes, writer: Writer) -> None:
        fault = self.refused_by_second
        if self.deletion_held is not None and line.startswith("DELETE"):
            self.deletion_held.set()
            await self._reset.wait()
            raise ConnectionAbortedError("held until the reset")
        if fault and SECOND in headers.get("authorization", "") and fault.on in line and self.refused_text in body:
            self.seen.append(line)
            await _fail(writer, fault)
            return
        if line.startswith("DELETE"):
            await self._hold_deletion(self.deletions_held_before, line)
            if any(event_id in line for event_id in self.deletions_held_after):
                await self._forward(line, headers, body)
                await self._hold_deletion(self.deletions_held_after, line)
        await super()._answer(line, headers, body, writer)

    async def _hold_deletion(self, held: dict[str, asyncio.Event], line: str) -> None:
        for event_id, arrived in held.items():
            if event_id in line:
                arrived.set()
                await self._reset.wait()
                raise ConnectionAbortedError("held until the reset")

    async def _forward(self, line: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        method, path, _ = line.split(" ")
        upstream = self.upstreams[headers.get("authorization", "").removeprefix("Bearer ")]
        kept = {name: headers[name] for name in ("authorization", "content-type") if name in headers}
        return await self._http.request(method, upstream + path, headers=kept, content=body)


@dataclass
class TwoAccounts(OAuthPeer):
    """`second` are the users of the second Google; all others are of the first. `own` are the providers of those who
    have others than everybody."""

    second: set[UserId] = field(default_factory=set)
    own: dict[UserId, set[str]] = field(default_factory=dict)

    def _connected_of(self, message: Msg) -> set[str]:
        scope = Envelope.from_headers(message.headers).scope
        assert scope is not None
        return self.own.get(scope.user_id, self.connected)

    async def _token(self, message: Msg) -> None:
        query = GetAccessToken.model_validate_json(message.data)
        scope = Envelope.from_headers(message.headers).scope
        assert scope is not None
        if query.provider not in self._connected_of(message):
            await self._refuse(message, "connection_not_found", "Connect this account first.")
            return
        if scope.user_id in self.silent_for:
            self.silent_for[scope.user_id].set()
            return
        token = self.seal.seal("access_token", scope, SECOND if scope.user_id in self.second else FIRST)
        reply = AccessToken(sealed_token=token, expires_at=datetime.fromisoformat("2099-01-01T00:00:00+00:00"))
        await message.respond(reply.model_dump_json().encode())


@dataclass
class User:
    """Speaks for one user."""

    gateway: Bus
    seal: TransitSeal
    scope: Scope
    name: str
    google: str

    @property
    def address(self) -> str:
        """By which they can be invited."""
        return f"{self.name}-{self.scope.user_id[-12:]}@example.com"

    @property
    def person(self) -> Person:
        return Person(name=self.name.title(), address=self.address)

    async def invite(self, other: "User", *, by_id: bool = False, known: bool = True) -> AcquaintanceView:
        """By address, as if the gateway had found whose it is or not."""
        invitation = Invitation(inviter=self.person, address="" if by_id else other.address)
        query = InviteAcquaintance(
            sealed_invitation=self._sealed("network_invitation", invitation),
            address_hash=None if by_id else hashed(other.address),
            user_id=other.scope.user_id if by_id else None,
            known_organization_id=other.scope.organization_id if known and not by_id else None,
            known_user_id=other.scope.user_id if known and not by_id else None,
        )
        return await self.gateway.ask(query, scope=self.scope, timeout_s=10)

    async def answer(self, connection_id: str, *, accept: bool = True) -> AcquaintanceView:
        query = AnswerInvitation(
            connection_id=connection_id,
            address_hash=hashed(self.address),
            accept=accept,
            sealed_person=self._sealed("network_person", self.person),
        )
        return await self.gateway.ask(query, scope=self.scope, timeout_s=10)

    async def connections(self) -> tuple[AcquaintanceView, ...]:
        query = ListAcquaintances(address_hash=hashed(self.address))
        return (await self.gateway.ask(query, scope=self.scope, timeout_s=10)).connections

    async def remove(self, connection_id: str, *, block: bool = False) -> bool:
        query = RemoveAcquaintance(connection_id=connection_id, address_hash=hashed(self.address), block=block)
        return (await self.gateway.ask(query, scope=self.scope, timeout_s=10)).changed

    async def start(
        self, connection_id: str, topic: Topic, session_id: str | None = None, **offer: Any
    ) -> NegotiationView:
        query = StartNegotiation(
            session_id=session_id or new_id("ng"),
            connection_id=connection_id,
            sealed_topic=self._sealed("network_topic", topic),
            sealed_offer=self._offer(**offer),
        )
        return await self.gateway.ask(query, scope=self.scope, timeout_s=PATIENCE_S)

    async def counter(self, session_id: str, **offer: Any) -> NegotiationView:
        query = CounterProposal(session_id=session_id, sealed_offer=self._offer(**offer))
        return await self.gateway.ask(query, scope=self.scope, timeout_s=PATIENCE_S)

    async def move(self, session_id: str, *slots: datetime, **offer: Any) -> NegotiationView:
        """Propose another time for a meeting that is confirmed."""
        return await self.counter(session_id, slots=slots, **offer)

    async def accept(self, session_id: str, start: datetime, **offer: Any) -> NegotiationView:
        query = AcceptProposal(session_id=session_id, start=start, sealed_offer=self._offer(**offer))
        return await self.gateway.ask(query, scope=self.scope, timeout_s=PATIENCE_S)

    async def decline(self, session_id: str) -> NegotiationView:
        return await self.gateway.ask(EndNegotiation(session_id=session_id, how="decline"), scope=self.scope)

    async def cancel(self, session_id: str) -> NegotiationView:
        return await self.gateway.ask(EndNegotiation(session_id=session_id, how="cancel"), scope=self.scope)

    async def sessions(self) -> tuple[NegotiationView, ...]:
        return (await self.gateway.ask(ListNegotiations(), scope=self.scope, timeout_s=10)).sessions

    async def session(self, session_id: str) -> NegotiationView:
        (found,) = [each for each in await self.sessions() if each.session_id == session_id]
        return found

    async def occupy(self, start: datetime, minutes: int, title: str) -> None:
        """Put something into the calendar by the provider's own door."""
        end = start + timedelta(minutes=minutes)
        times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        async with httpx.AsyncClient(headers={"authorization": "Bearer owner"}) as http:
            events = f"{self.google}/calendar/v3/calendars/primary/events"
            (await http.post(events, json={"summary": title, **times})).raise_for_status()

    async def erase(self, title: str) -> None:
        """Take something out of the calendar by the provider's own door."""
        async with httpx.AsyncClient(headers={"authorization": "Bearer owner"}) as http:
            for event in await self.events(title):
                at = f"{self.google}/calendar/v3/calendars/primary/events/{event['id']}"
                (await http.delete(at)).raise_for_status()

    async def events(self, text: str) -> list[dict[str, Any]]:
        """What stands in the calendar with that text in its title, asked of the emulator itself."""
        async with httpx.AsyncClient(headers={"authorization": "Bearer looking"}) as http:
            found = await http.get(
                f"{self.google}/calendar/v3/calendars/primary/events", params={"q": text, "maxResults": 250}
            )
        return [item for item in found.json()["items"] if text in item["summary"]]

    def _offer(self, rules: Rules = ANYTIME, slots: tuple[datetime, ...] = (), note: str = "") -> str:
        return self._sealed("network_offer", Offer(rules=rules, slots=slots, note=note))

    def _sealed(self, purpose: str, given: Any) -> str:
        return self.seal.seal(purpose, self.scope, given.model_dump_json())


def hashed(address: str) -> str:
    """As the gateway sends an address."""
    return hashlib.sha256(address.encode()).hexdigest()


def topic(title: str, start: datetime, days: float = 1, minutes: int = 30) -> Topic:
    """What is to be agreed on."""
    return Topic(title=title, minutes=minutes, start=start, end=start + timedelta(days=days))


async def meeting(couple: "Couple", title: str, slot: datetime) -> str:
    """The id of a meeting that stands in both calendars."""
    ada, grace, connection_id = couple
    started = await ada.start(connection_id, topic(title, slot - timedelta(hours=2)), slots=(slot,))
    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "confirmed")
    return started.session_id


async def beginnings(user: User, title: str) -> list[datetime]:
    """When events of that title begin in the calendar."""
    return sorted(datetime.fromisoformat(event["start"]["dateTime"]) for event in await user.events(title))


Couple = tuple[User, User, str]
"""Ada, Grace, and the id of their connection."""


async def settled(user: User, session_id: str, status: str, timeout_s: float = 20) -> None:
    """Wait for the end of the saga."""

    async def is_settled() -> bool:
        return (await user.session(session_id)).status == status

    await eventually(is_settled, timeout_s=timeout_s)
