"""Users who know each other here, and how they come to. Tool keeps it.

Names and addresses travel sealed; of an address that was invited otherwise only its SHA-256 does (64 hexadecimal
digits).
"""

from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Query, Reply, Service
from contracts.ids import OrganizationId, UserId

_ACQUAINTANCE = "nw_0193b0f1a8c07d3e9f00112233445566"
_HASH = "5e" * 32

AcquaintanceStatus = Literal["invited", "connected"]


class Person(BaseModel):
    """Somebody as the other is shown them. Sealed in messages, purpose `network_person`."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    address: str = ""


class Invitation(BaseModel):
    """Who invites, and whom by which address. Sealed in messages, purpose `network_invitation`."""

    model_config = ConfigDict(frozen=True)

    inviter: Person
    address: str = ""


class AcquaintanceView(Reply):
    """A connection between two users, or an invitation to one. Until it is accepted, whoever invited sees no more than
    the address they gave."""

    connection_id: str
    status: AcquaintanceStatus
    invited_by_me: bool
    name: str = ""
    address: str = ""
    created_at: datetime
    expires_at: datetime | None = None


class Acquaintances(Reply):
    """Newest first."""

    connections: tuple[AcquaintanceView, ...]


class Removed(Reply):
    """`changed` is false when it was gone already."""

    changed: bool


class InviteAcquaintance(Query[AcquaintanceView]):
    """Invite by address or by user id. Asked again for the same, it is the same invitation. Nothing in the answer
    depends on whether there is such a user. Errors `invitation_refused`, `too_many_acquaintances`."""

    subject: ClassVar[str] = "rpc.tool.invite_acquaintance.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = AcquaintanceView

    sealed_invitation: str
    address_hash: str | None = None
    user_id: UserId | None = None
    """One of the two."""
    known_organization_id: OrganizationId | None = None
    known_user_id: UserId | None = None
    """Whose address it is, if anybody's: they are told, and nobody else is told of them."""

    @classmethod
    def example(cls) -> Self:
        return cls(sealed_invitation="v1.AAAA", address_hash=_HASH)


class ListAcquaintances(Query[Acquaintances]):
    """The user's connections and invitations; `address_hash` is of the user's own address."""

    subject: ClassVar[str] = "rpc.tool.list_acquaintances.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Acquaintances

    address_hash: str

    @classmethod
    def example(cls) -> Self:
        return cls(address_hash=_HASH)


class AnswerInvitation(Query[AcquaintanceView]):
    """The invited user's word; `address_hash` is of their own address. Error `acquaintance_not_found`."""

    subject: ClassVar[str] = "rpc.tool.answer_invitation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = AcquaintanceView

    connection_id: str
    address_hash: str
    accept: bool
    sealed_person: str

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_ACQUAINTANCE, address_hash=_HASH, accept=True, sealed_person="v1.AAAA")


class RemoveAcquaintance(Query[Removed]):
    """End a connection or take an invitation back; with `block` the other cannot invite again, and is not told.

    What is being negotiated over it is cancelled. Error `acquaintance_not_found`.
    """

    subject: ClassVar[str] = "rpc.tool.remove_acquaintance.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Removed

    connection_id: str
    address_hash: str
    block: bool = False

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_ACQUAINTANCE, address_hash=_HASH)
