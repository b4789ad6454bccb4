"""Whom a user knows here: invited, accepted, removed, blocked.

Whoever invites an address learns nothing of whether it has an account until somebody accepts. A blocked user may invite
again, and is answered as ever: nobody sees the invitation.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from contracts.acquaintances import AcquaintanceView, Invitation, Person
from contracts.envelope import Scope
from contracts.ids import new_id
from libs.db import Database
from libs.vault import UserKey, Vault
from services.tool.network import connections
from services.tool.network.connections import INVITED_FOR, Connection
from services.tool.network.errors import AcquaintanceNotFound, InvitationRefused, TooManyAcquaintances
from services.tool.network.matter import clean_person
from services.tool.network.openings import opened
from services.tool.network.telling import tell

PURPOSE = "network_connection"


class Two(BaseModel):
    """Both as the other is shown them. Before the answer, of the invited one only the address that was given."""

    model_config = ConfigDict(frozen=True)

    inviter: Person
    invited: Person

    def seal(self, key: UserKey, connection_id: str) -> bytes:
        """For the row of this connection."""
        return key.seal(PURPOSE, connection_id, self.model_dump_json().encode())


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """A connection with its names, as one of the two sees it."""

    connection: Connection
    me: Person
    other: Person


@dataclass(frozen=True, slots=True)
class Circle:
    """One user's."""

    db: Database
    vault: Vault
    scope: Scope

    async def invite(
        self, invitation: Invitation, address_hash: str | None, user_id: str | None, known: Scope | None
    ) -> AcquaintanceView:
        """Invite by address or user id. Raises InvitationRefused, TooManyAcquaintances."""
        if (address_hash is None) == (user_id is None):
            raise InvitationRefused("Name an address or a user id.")
        if self.scope.user_id in (user_id, known.user_id if known else None):
            raise InvitationRefused("This is you.")
        now, connection_id = datetime.now(UTC), new_id("nw")
        if (standing := await self._connected_with(user_id or (known.user_id if known else None))) is not None:
            return standing
        two = Two(inviter=clean_person(invitation.inviter), invited=clean_person(Person(address=invitation.address)))
        async with self.db.transaction(self.scope) as tx:
            await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 1))", f"network {self.scope.user_id}")
            key = await self.vault.user_key(tx)
            if waiting := await connections.invited(tx, address_hash, user_id):
                return self._view(waiting, _opened(waiting, key))
            if len([each for each in await connections.listed(tx) if each.owner == self.scope]) >= connections.MOST:
                raise TooManyAcquaintances(f"There may be {connections.MOST} connections and invitations.")
            await connections.invite(tx, connection_id, address_hash, user_id, two.seal(key, connection_id), now)
            if known is not None and not await self._is_blocked_by(known):
                await tell(tx, known, connection_id, "invited", by_me=False)
        return AcquaintanceView(
            connection_id=connection_id,
            status="invited",
            invited_by_me=True,
            address=two.invited.address,
            created_at=now,
            expires_at=now + INVITED_FOR,
        )

    async def listed(self, address_hash: str | None) -> list[AcquaintanceView]:
        """Connections and invitations, newest first. `address_hash` is of the user's own address."""
        return [self._view(each, two) for each, two in await self._all(address_hash)]

    async def answer(self, connection_id: str, address_hash: str, person: Person, *, accept: bool) -> AcquaintanceView:
        """The invited user's word. Raises AcquaintanceNotFound."""
        found = await self._find(connection_id, address_hash)
        if found.owner == self.scope or (found.status == "connected" and not accept):
            raise AcquaintanceNotFound
        async with self.db.transaction(found.owner) as tx:
            key = await self.vault.user_key(tx)
            two = _opened(found, key)
            if found.status == "connected":
                return self._view(found, two)
            two = two.model_copy(update={"invited": clean_person(person)})
            if not accept:
                two = two.model_copy(update={"invited": Person(address=_opened(found, key).invited.address)})
            sealed = two.seal(key, connection_id)
            if not await connections.answer(tx, connection_id, self.scope, sealed, accept=accept):
                raise AcquaintanceNotFound
            if accept:
                await tell(tx, found.owner, connection_id, "connected", by_me=False)
                await tell(tx, self.scope, connection_id, "connected", by_me=True)
            answered = await connections.find(tx, connection_id)
        assert answered is not None
        return self._view(answered, two)

    async def remove(self, connection_id: str, address_hash: str, *, block: bool) -> bool:
        """End it; False when it was over. Raises AcquaintanceNotFound."""
        found = await self._find(connection_id, address_hash, also_over=True)
        async with self.db.transaction(found.owner) as tx:
            return await connections.end(tx, connection_id, self.scope, block=block)

    async def connected(self) -> list[Acquaintance]:
        """Whom the user can negotiate with, with their names."""
        return [_seen(each, two, self.scope) for each, two in await self._all(None) if each.status == "connected"]

    async def require(self, connection_id: str) -> Acquaintance:
        """A connection over which one can negotiate. Raises AcquaintanceNotFound."""
        found = await self._find(connection_id, None)
        if found.status != "connected":
            raise AcquaintanceNotFound
        for each, two in await opened((found,), _opened, self.db, self.vault):
            return _seen(each, two, self.scope)
        raise AcquaintanceNotFound

    async def _connected_with(self, user_id: str | None) -> AcquaintanceView | None:
        """The connection with that user, whoever invited: that both know of it already tells nothing new."""
        for each, two in await self._all(None):
            other = each.other(self.scope)
            if each.status == "connected" and other is not None and other.user_id == user_id:
                return self._view(each, two)
        return None

    async def _find(self, connection_id: str, address_hash: str | None, *, also_over: bool = False) -> Connection:
        async with self.db.reading(self.scope) as tx:
            await connections.present(tx, address_hash)
            found = await connections.find(tx, connection_id)
        if found is None or not (found.is_current or also_over) or found.blocked_by not in (None, self.scope.user_id):
            raise AcquaintanceNotFound
        return found

    async def _all(self, address_hash: str | None) -> list[tuple[Connection, Two]]:
        async with self.db.reading(self.scope) as tx:
            await connections.present(tx, address_hash)
            found = await connections.listed(tx)
        blocked = _blocked(found, self.scope)
        shown = [
            each
            for each in found
            if each.status != "blocked" and (each.owner == self.scope or each.owner.user_id not in blocked)
        ]
        return await opened(shown, _opened, self.db, self.vault)

    async def _is_blocked_by(self, other: Scope) -> bool:
        async with self.db.reading(other) as tx:
            return self.scope.user_id in _blocked(await connections.listed(tx), other)

    def _view(self, found: Connection, two: Two) -> AcquaintanceView:
        is_mine = found.owner == self.scope
        other = two.invited if is_mine else two.inviter
        return AcquaintanceView(
            connection_id=found.connection_id,
            status="connected" if found.status == "connected" else "invited",
            invited_by_me=is_mine,
            name=other.name,
            address=other.address,
            created_at=found.created_at,
            expires_at=None if found.status == "connected" else found.expires_at,
        )


def _blocked(found: list[Connection], by: Scope) -> set[str]:
    """Whom that user wants to hear no more of."""
    others = (each.other(by) for each in found if each.blocked_by == by.user_id)
    return {other.user_id for other in others if other is not None}


def _seen(found: Connection, two: Two, scope: Scope) -> Acquaintance:
    me, other = (two.inviter, two.invited) if found.owner == scope else (two.invited, two.inviter)
    return Acquaintance(found, me, other)


def _opened(found: Connection, key: UserKey) -> Two:
    return Two.model_validate_json(key.open(PURPOSE, found.connection_id, found.sealed))
