"""The tables of schema `oauth`."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
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
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
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


class SuppliedApiKey(Base, table=True):
    """An API key that a user or an organization brought; sealed, purpose `supplied_key`, row the key's id.

    One without `retires_at` is current, of which a provider has one; a replaced one is deleted after it retires.
    """

    __tablename__ = "supplied_keys"
    __table_args__ = (
        Index(
            "uq_supplied_keys_current",
            "organization_id",
            "user_id",
            "provider",
            unique=True,
            postgresql_where=text("retires_at is null"),
        ),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    key_id: str = _text(primary_key=True)
    provider: str = _text()
    label: str = _text()
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = _moment()
    retires_at: datetime | None = _moment(nullable=True)


class SuppliedKeyUse(Base, table=True):
    """How often a service took a key on a day (UTC); gone with the key."""

    __tablename__ = "supplied_key_uses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "user_id", "key_id"],
            ["supplied_keys.organization_id", "supplied_keys.user_id", "supplied_keys.key_id"],
            name="fk_supplied_key_uses_key",
            ondelete="CASCADE",
        ),
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    key_id: str = _text(primary_key=True)
    service: str = _text(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))
    uses: int = Field(sa_column=Column(Integer, nullable=False))
    last_at: datetime = _moment()


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
