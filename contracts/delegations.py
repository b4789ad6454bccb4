"""Delegation: links by which outsiders see free times and book. What becomes of them is in `contracts.bookings`.

No message carries a secret: the gateway makes tokens and sends their SHA-256 (64 hexadecimal digits).
"""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Query, Reply, Service

_DELEGATION = "dl_0193b0f1a8c07d3e9f00112233445566"
_HASH = "5e" * 32


class Opening(BaseModel):
    """Open from minute `start` to minute `end` (up to 1440) of a weekday (0 is Monday), on the owner's clock."""

    model_config = ConfigDict(frozen=True)

    weekday: int
    start: int
    end: int


class DelegationTerms(BaseModel):
    """What a link says and allows. `shown_name` is the owner's name if they want it seen."""

    model_config = ConfigDict(frozen=True)

    label: str
    shown_name: str | None = None
    timezone: str
    openings: tuple[Opening, ...]
    durations: tuple[int, ...]
    """Minutes."""
    step_minutes: int = 30
    """Slots begin this often, counted from the beginning of an opening."""
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 60
    days_ahead: int = 60
    """The furthest day, counted on the owner's calendar from today."""
    max_per_day: int | None = None
    allowed_guests: tuple[str, ...] = ()
    """Addresses or domains; empty: anyone."""


class DelegationView(Reply):
    """A link as its owner sees it. Its token is not known any more."""

    delegation_id: str
    terms: DelegationTerms
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    is_active: bool


class Delegations(Reply):
    """Newest first, ended ones among them."""

    delegations: tuple[DelegationView, ...]


class DelegationRevoked(Reply):
    """`changed` is false when it was revoked before."""

    changed: bool


class BookingPage(Reply):
    """What an outsider may know of a link, and for the gateway whose it is."""

    organization_id: str
    user_id: str
    delegation_id: str
    label: str
    shown_name: str | None = None
    timezone: str
    durations: tuple[int, ...]
    days_ahead: int


class CreateDelegation(Query[DelegationView]):
    """Errors `constraints_refused`, `too_many_delegations`."""

    subject: ClassVar[str] = "rpc.tool.create_delegation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = DelegationView

    token_hash: str
    sealed_terms: str
    """`DelegationTerms` as JSON under `libs.vault.TransitSeal`, purpose `delegation_terms`."""
    expires_at: datetime | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(token_hash=_HASH, sealed_terms="v1.AAAA")


class ChangeDelegation(Query[DelegationView]):
    """Other terms for a link. What is booked stays as it is; who holds a slot may still take it.

    Errors `delegation_not_found`, `delegation_revoked`, `constraints_refused`, `too_many_delegations` (for one that had
    expired).
    """

    subject: ClassVar[str] = "rpc.tool.change_delegation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = DelegationView

    delegation_id: str
    sealed_changes: str
    """A JSON object with some fields of `DelegationTerms`, sealed as in `CreateDelegation`."""
    changes_expiry: bool = False
    expires_at: datetime | None = None
    """Counts if `changes_expiry`; None: never."""

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, sealed_changes="v1.AAAA")


class ListDelegations(Query[Delegations]):
    """The owner's links."""

    subject: ClassVar[str] = "rpc.tool.list_delegations.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Delegations

    @classmethod
    def example(cls) -> Self:
        return cls()


class RevokeDelegation(Query[DelegationRevoked]):
    """End a link; what is booked stays. Error `delegation_not_found`."""

    subject: ClassVar[str] = "rpc.tool.revoke_delegation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = DelegationRevoked

    delegation_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION)


class OpenBookingPage(Query[BookingPage]):
    """Asked without a user: the hash says whose link it is. Error `booking_link_not_found`."""

    subject: ClassVar[str] = "rpc.tool.open_booking_page.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = BookingPage

    token_hash: str
    also_ended: bool = False
    """For who has booked: the link may have ended since."""

    @classmethod
    def example(cls) -> Self:
        return cls(token_hash=_HASH)
