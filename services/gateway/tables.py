"""The tables of schema `gateway`."""

from datetime import datetime

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("gateway")


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


def _text(*, nullable: bool = False, unique: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(Text, nullable=nullable, unique=unique, primary_key=primary_key)


def _texts() -> Column[list[str]]:
    return Column(ARRAY(Text), nullable=False)


class Organization(Base, table=True):
    """A tenant; every user belongs to one, and signing up makes one."""

    __tablename__ = "organizations"

    organization_id: str = Field(sa_column=_text(primary_key=True))
    name: str = Field(sa_column=_text())
    tier: str = Field(sa_column=_text())
    created_at: datetime = Field(sa_column=_moment())


class User(Base, table=True):
    """A person with an account, for as long as the account lives. The address is normalised."""

    __tablename__ = "users"

    user_id: str = Field(sa_column=_text(primary_key=True))
    organization_id: str = Field(
        sa_column=Column(Text, ForeignKey("gateway.organizations.organization_id"), nullable=False, index=True)
    )
    email: str = Field(sa_column=_text())
    email_hash: str = Field(sa_column=_text(unique=True))
    """What a log-in presents to see this one row."""
    display_name: str | None = Field(sa_column=_text(nullable=True))
    timezone: str = Field(sa_column=_text())
    password_hash: str = Field(sa_column=_text())
    created_at: datetime = Field(sa_column=_moment())


class Session(Base, table=True):
    """A browser that is logged in; deleted a week after it ended."""

    __tablename__ = "sessions"

    session_id: str = Field(sa_column=_text(primary_key=True))
    organization_id: str = Field(sa_column=_text())
    user_id: str = Field(
        sa_column=Column(Text, ForeignKey("gateway.users.user_id", ondelete="CASCADE"), nullable=False, index=True)
    )
    token_hash: str = Field(sa_column=_text(unique=True))
    address: str = Field(sa_column=_text())
    user_agent: str = Field(sa_column=_text())
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    revoked_at: datetime | None = Field(sa_column=_moment(nullable=True))


class ApiKeyRow(Base, table=True):
    """A program's credential; a revoked one stays, so that the audit trail can name it."""

    __tablename__ = "api_keys"

    key_id: str = Field(sa_column=_text(primary_key=True))
    organization_id: str = Field(sa_column=_text())
    user_id: str = Field(
        sa_column=Column(Text, ForeignKey("gateway.users.user_id", ondelete="CASCADE"), nullable=False, index=True)
    )
    name: str = Field(sa_column=_text())
    key_hash: str = Field(sa_column=_text(unique=True))
    permissions: list[str] = Field(sa_column=_texts())
    networks: list[str] = Field(sa_column=_texts())
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime | None = Field(sa_column=_moment(nullable=True))
    revoked_at: datetime | None = Field(sa_column=_moment(nullable=True))
    last_used_at: datetime | None = Field(sa_column=_moment(nullable=True))


class TurnRow(Base, table=True):
    """Whose a turn is, from the moment it is accepted; deleted after 30 days."""

    __tablename__ = "turns"

    turn_id: str = Field(sa_column=_text(primary_key=True))
    conversation_id: str = Field(sa_column=Column(Text, nullable=False, index=True))
    organization_id: str = Field(sa_column=_text())
    user_id: str = Field(sa_column=_text())
    fingerprint: str = Field(sa_column=_text())
    created_at: datetime = Field(sa_column=_moment())


class KeyedCall(Base, table=True):
    """The call of a tool that an idempotency key came with first; deleted after 30 days."""

    __tablename__ = "keyed_calls"

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    execution_id: str = Field(sa_column=_text(primary_key=True))
    fingerprint: str = Field(sa_column=_text())
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))
    )


class RateLimit(Base, table=True):
    """A counter of one subject and its window; deleted a day after it was last used."""

    __tablename__ = "rate_limits"

    bucket: str = Field(sa_column=_text(primary_key=True))
    window_started_at: datetime = Field(sa_column=_moment())
    used: int


class AuditEntry(Base, table=True):
    """One line of the audit trail; never changed, kept by month."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_of_user", "user_id", "created_at", "entry_id"),)

    entry_id: str = Field(sa_column=_text(primary_key=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    organization_id: str = Field(sa_column=_text())
    user_id: str = Field(sa_column=_text())
    actor: str = Field(sa_column=_text())
    action: str = Field(sa_column=_text())
    target: str = Field(sa_column=_text())
    address: str = Field(sa_column=_text())
    user_agent: str = Field(sa_column=_text())
    request_id: str = Field(sa_column=_text())


class WebhookHandshake(Base, table=True):
    """What a provider sent to introduce itself, the newest of each; for the operator to read. Believed by nobody."""

    __tablename__ = "webhook_handshakes"

    provider: str = Field(sa_column=_text(primary_key=True))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = Field(sa_column=_moment())
