"""The tables of schema `oauth`."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("oauth")


def _owner(name: str) -> Any:
    return Field(
        sa_type=Text,
        primary_key=True,
        sa_column_kwargs={"server_default": text(f"current_setting('adjutant.{name}')")},
    )


def _moment(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable))


def _text(*, nullable: bool = False, primary_key: bool = False) -> Any:
    return Field(sa_column=Column(Text, nullable=nullable, primary_key=primary_key))


class Authorization(Base, table=True):
    """A log-in that is under way at a provider; deleted by the callback, whatever comes of it, or after ten minutes.

    The state is stored as a hash; the PKCE verifier is sealed, purpose `verifier`, row the state's hash.
    """

    __tablename__ = "authorizations"

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    state_hash: str = _text(primary_key=True)
    provider: str = _text()
    browser_binding: str = _text()
    verifier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    nonce: str = _text()
    expires_at: datetime = _moment()


class Connection(Base, table=True):
    """A user's link to a provider, kept until they disconnect; connecting again keeps the row.

    Tokens and account are sealed, purposes `access_token`, `refresh_token`, `account`, row the connection id.
    """

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("organization_id", "user_id", "provider", name="uq_connections_provider"),
        CheckConstraint("status in ('active', 'reauthorization_required')", name="status"),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    connection_id: str = _text(primary_key=True)
    provider: str = _text()
    status: str = _text()
    account: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    access_token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    refresh_token: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    expires_at: datetime = _moment()
    connected_at: datetime = _moment()


class AuditEntry(Base, table=True):
    """What happened to a connection; append-only. `note` holds a status or slug, never a provider's words."""

    __tablename__ = "connection_audit"
    __table_args__ = (Index("ix_connection_audit_newest", "user_id", text("at desc")),)

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    entry_id: str = _text(primary_key=True)
    provider: str = _text()
    action: str = _text()
    note: str = _text()
    at: datetime = _moment()
