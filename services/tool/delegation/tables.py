"""The links and the bookings made through them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, ExcludeConstraint
from sqlmodel import Field

from services.tool.tables import Base

_OWNER = text("current_setting('adjutant.organization_id')")
_USER = text("current_setting('adjutant.user_id')")
IN_THE_WAY = "status in ('hold', 'pending', 'accepted')"


class Delegation(Base, table=True):
    """One secret link. Its token is stored as a hash, and who presents that hash may find whose link it is.

    `terms` (label, shown name, timezone, constraints with their addresses) is sealed with the owner's data key, purpose
    `delegation_terms`, row id the delegation id. Kept after its end: bookings refer to it.
    """

    __tablename__ = "delegations"
    __table_args__ = (
        Index("uq_delegations_token_hash", "token_hash", unique=True),
        CheckConstraint("token_hash ~ '^[0-9a-f]{64}$'", name="token_is_hashed"),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_OWNER))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    delegation_id: str = Field(sa_column=Column(Text, primary_key=True))
    token_hash: str = Field(sa_column=Column(Text, nullable=False))
    """SHA-256 of the token, in hexadecimal."""
    terms: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class Booking(Base, table=True):
    """One slot: held for minutes, then booked, then over. No two of one owner that are in the way overlap.

    `guest` (name, address, note, zone: an outsider's words) is sealed with the owner's data key, purpose
    `booking_guest`, row id the booking id. A hold that has run out is in the way until somebody wants the slot.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "user_id", "delegation_id"],
            ["tool.delegations.organization_id", "tool.delegations.user_id", "tool.delegations.delegation_id"],
            name="fk_bookings_delegation",
        ),
        ExcludeConstraint(
            ("organization_id", "="),
            ("user_id", "="),
            ("taken", "&&"),
            where=text(IN_THE_WAY),
            using="gist",
            name="ex_bookings_taken_once",
        ),
        Index("ix_bookings_ends_at", "ends_at", postgresql_where=text("guest is not null")),
        Index("ix_bookings_delegation_id", "organization_id", "user_id", "delegation_id", "starts_at"),
        CheckConstraint("status in ('hold', 'pending', 'accepted', 'cancelled', 'expired')", name="status"),
        CheckConstraint("starts_at < ends_at", name="has_a_length"),
        CheckConstraint(
            "status not in ('pending', 'accepted') or guest is not null or forgotten_at is not null",
            name="booked_by_somebody",
        ),
        CheckConstraint("(wanted_starts_at is null) = (wanted_ends_at is null)", name="wanted_whole"),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_OWNER))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    booking_id: str = Field(sa_column=Column(Text, primary_key=True))
    delegation_id: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    taken: Any = Field(sa_column=Column(TSTZMULTIRANGE, nullable=False))
    """With buffers; while the booking moves, both the old and the new stretch."""
    hold_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """By PostgreSQL's clock."""
    hold_hash: str | None = Field(default=None, sa_column=Column(Text))
    manage_hash: str | None = Field(default=None, sa_column=Column(Text))
    """SHA-256 of the secrets that turn the hold into a booking, and that cancel or move the booking."""
    guest: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    forgotten_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """When the guest was, long after the meeting."""
    has_event: bool = False
    """Whether the calendar has an event of this booking, or may have."""
    event_ref: str | None = Field(default=None, sa_column=Column(Text))
    """The provider's id of the event, once it is known."""
    wanted_starts_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    wanted_ends_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """Where the booking is being moved to, until the calendar has followed."""
    changes: int = 0
    """Counts the times it was moved."""
    tries: int = 0
    """Counts executions that left the calendar out of step; the next one is an execution of its own."""
    error: str | None = Field(default=None, sa_column=Column(Text))
    """Slug of what went wrong with the calendar, when something did."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
