"""Who knows whom, what they negotiate, and what an agreed time takes."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZMULTIRANGE, ExcludeConstraint
from sqlmodel import Field

from services.tool.tables import Base

_OWNER = text("current_setting('adjutant.organization_id')")
_USER = text("current_setting('adjutant.user_id')")


def _moment(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class NetworkConnection(Base, table=True):
    """An invitation, and the connection it became. Its owner is who invited; the partner may read it.

    `content` (names and addresses of the two) is sealed with the owner's data key, purpose `network_connection`, row id
    the connection id. Who presents the hash of the invited address may find the row.
    """

    __tablename__ = "network_connections"
    __table_args__ = (
        CheckConstraint("status in ('invited', 'connected', 'declined', 'removed', 'blocked')", name="status"),
        CheckConstraint("invited_hash ~ '^[0-9a-f]{64}$'", name="address_is_hashed"),
        CheckConstraint("num_nonnulls(invited_hash, partner_user_id) > 0", name="somebody"),
        CheckConstraint(
            "status <> 'connected' or num_nonnulls(partner_organization_id, partner_user_id) = 2",
            name="connected_to_somebody",
        ),
        CheckConstraint("partner_user_id <> user_id", name="not_oneself"),
        CheckConstraint("(status = 'blocked') = (blocked_by is not null)", name="blocked_by_somebody"),
        Index("ix_network_connections_invited_hash", "invited_hash"),
        Index("ix_network_connections_partner", "partner_user_id"),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_OWNER))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    connection_id: str = Field(sa_column=Column(Text, primary_key=True))
    status: str = Field(sa_column=Column(Text, nullable=False))
    invited_hash: str | None = Field(default=None, sa_column=Column(Text))
    """SHA-256 of the invited address; null for an invitation by user id."""
    partner_organization_id: str | None = Field(default=None, sa_column=Column(Text))
    """Known once it was answered."""
    partner_user_id: str | None = Field(default=None, sa_column=Column(Text))
    blocked_by: str | None = Field(default=None, sa_column=Column(Text))
    """The user id of who wants no more of it."""
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    """Until then an invitation can be accepted."""
    updated_at: datetime = Field(sa_column=_moment())


class Negotiation(Base, table=True):
    """One time that two users look for. Its owner is who began; the partner may read it.

    `content` (title, note, and of each side name, address, rules and calendars) is sealed with the owner's data key,
    purpose `negotiation`, row id the session id.
    """

    __tablename__ = "negotiations"
    __table_args__ = (
        CheckConstraint(
            "phase in ('open', 'agreed', 'cancelling', 'confirmed', 'failed', 'declined', 'cancelled', 'expired')",
            name="phase",
        ),
        CheckConstraint("turn in ('initiator', 'responder')", name="turn"),
        CheckConstraint(
            "phase = 'cancelled' or (phase in ('agreed', 'cancelling', 'confirmed', 'failed')) = (agreed is not null)",
            name="agreed_on_one",
        ),
        CheckConstraint(
            "initiator_event in ('none', 'begun', 'there', 'moving', 'moved')"
            " and responder_event in ('none', 'begun', 'there', 'moving', 'moved')",
            name="events",
        ),
        CheckConstraint(
            "phase <> 'confirmed' or initiator_event = 'there' and responder_event = 'there'"
            " or error = 'event_left_behind'",
            name="confirmed_in_both",
        ),
        CheckConstraint(
            "phase <> 'cancelled' or initiator_event = 'none' and responder_event = 'none'"
            " or error = 'event_left_behind'",
            name="cancelled_in_neither",
        ),
        CheckConstraint(
            "case phase when 'confirmed' then stands is null or stands = agreed"
            " when 'cancelling' then stands is not null and stands = agreed"
            " when 'open' then true when 'agreed' then true else stands is null end",
            name="stands_when_confirmed",
        ),
        CheckConstraint("phase = 'agreed' or not is_called_off", name="called_off_in_time"),
        CheckConstraint(
            "phase <> 'failed' or initiator_event = 'none' and responder_event = 'none' or error = 'event_left_behind'",
            name="failed_in_neither",
        ),
        Index("ix_negotiations_partner", "partner_user_id", text("updated_at desc")),
        Index("ix_negotiations_owner", "organization_id", "user_id", text("updated_at desc")),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_OWNER))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    session_id: str = Field(sa_column=Column(Text, primary_key=True))
    connection_id: str = Field(sa_column=Column(Text, nullable=False))
    partner_organization_id: str = Field(sa_column=Column(Text, nullable=False))
    partner_user_id: str = Field(sa_column=Column(Text, nullable=False))
    phase: str = Field(sa_column=Column(Text, nullable=False))
    turn: str = Field(sa_column=Column(Text, nullable=False))
    round: int = Field(sa_column=Column(Integer, nullable=False))
    slots: Any = Field(sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False))
    until: datetime = Field(sa_column=_moment())
    agreed: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    stands: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    """When it is in both calendars, also while another time is looked for."""
    edition: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """How often another time was looked for."""
    is_called_off: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    """One of the two cancelled while the calendars were following."""
    minutes: int = Field(sa_column=Column(Integer, nullable=False))
    window_start: datetime = Field(sa_column=_moment())
    window_end: datetime = Field(sa_column=_moment())
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    moved_by: Any = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """The executions by which assistants moved it: none is done twice."""
    is_undoing: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    """One calendar did not take it: the other gives it back."""
    initiator_event: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'none'")))
    initiator_ref: str | None = Field(default=None, sa_column=Column(Text))
    responder_event: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'none'")))
    responder_ref: str | None = Field(default=None, sa_column=Column(Text))
    tries: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    error: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())


class NetworkHold(Base, table=True):
    """What an agreed time takes of one user's time until it stands in their calendar. No two of one user overlap."""

    __tablename__ = "network_holds"
    __table_args__ = (
        ExcludeConstraint(
            ("organization_id", "="),
            ("user_id", "="),
            ("taken", "&&"),
            using="gist",
            name="ex_network_holds_taken_once",
        ),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_OWNER))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    session_id: str = Field(sa_column=Column(Text, primary_key=True))
    taken: Any = Field(sa_column=Column(TSTZMULTIRANGE, nullable=False))
    """With the user's buffers; while the meeting moves, where it stands too."""
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))
    )
