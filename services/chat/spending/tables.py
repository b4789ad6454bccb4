"""The tables of spending, in schema `chat`.

`model_calls` belongs to users and is hidden from everybody else's session. The others hold ids and amounts only and are
open to the service: one statement admits a request against the figures of its user and its organization.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.chat.tables import Base


def _owner(name: str) -> Any:
    return Field(
        sa_type=Text,
        primary_key=True,
        sa_column_kwargs={"server_default": text(f"current_setting('adjutant.{name}')")},
    )


def _text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Field(sa_column=Column(Text, primary_key=primary_key, nullable=nullable))


def _count(kind: Any = Integer, *, default: bool = False, nullable: bool = False) -> Any:
    return Field(sa_column=Column(kind, nullable=nullable, server_default=text("0") if default else None))


def _moment(**more: Any) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=False, **more))


class ModelCall(Base, table=True):
    """The ledger: one row a request, for ever; by month. `is_estimate`: the provider gave no count."""

    __tablename__ = "model_calls"
    __table_args__ = (
        CheckConstraint("outcome in ('completed', 'failed', 'cancelled', 'cached')", name="outcome"),
        CheckConstraint(
            "input_tokens >= 0 and output_tokens >= 0 and cached_tokens >= 0 and cost_micros >= 0", name="counts"
        ),
        Index("ix_model_calls_newest", "user_id", text("created_at desc")),
        Index("ix_model_calls_organization", "organization_id", "created_at"),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    call_id: str = _text(primary_key=True)
    feature: str = _text()
    turn_id: str | None = _text(nullable=True)
    deployment: str = _text()
    model: str = _text()
    outcome: str = _text()
    input_tokens: int = _count()
    output_tokens: int = _count()
    cached_tokens: int = _count()
    cost_micros: int = _count(BigInteger)
    is_estimate: bool
    price_source: str = _text()
    attempts: int = _count(SmallInteger)
    first_token_ms: int | None = _count(nullable=True)
    took_ms: int = _count()
    created_at: datetime = _moment(primary_key=True)
    request_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    answer_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class ModelCallContent(Base, table=True):
    """What was said in a call, sealed with its user's key; by month, and forgotten after a while."""

    __tablename__ = "model_call_contents"
    __table_args__ = ({"postgresql_partition_by": "RANGE (created_at)"},)

    organization_id: str = _owner("organization_id")
    user_id: str = _owner("user_id")
    call_id: str = _text(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = _moment(primary_key=True)


class Plan(Base, table=True):
    """An organization's plan, as the gateway's events told it."""

    __tablename__ = "plans"
    __table_args__ = (CheckConstraint("tier in ('FREE', 'STARTER', 'PROFESSIONAL', 'ENTERPRISE')", name="tier"),)

    organization_id: str = _text(primary_key=True)
    tier: str = _text()


class Budget(Base, table=True):
    """What a user or an organization (`owner_id`) may spend in a month."""

    __tablename__ = "budgets"
    __table_args__ = (CheckConstraint("monthly_micros >= 0", name="amount"),)

    owner_id: str = _text(primary_key=True)
    monthly_micros: int = _count(BigInteger)
    updated_at: datetime = _moment(server_default=text("now()"))


class Spending(Base, table=True):
    """One owner's month (UTC): spent, put aside for requests under way, and the last rung that was told."""

    __tablename__ = "spending"
    __table_args__ = (CheckConstraint("spent_micros >= 0 and reserved_micros >= 0", name="amounts"),)

    owner_id: str = _text(primary_key=True)
    month: date = Field(sa_column=Column(Date, primary_key=True))
    spent_micros: int = _count(BigInteger, default=True)
    reserved_micros: int = _count(BigInteger, default=True)
    alerted: int = _count(SmallInteger, default=True)


class Reservation(Base, table=True):
    """Put aside for a request under way; gone when it is settled, or some time after its deadline."""

    __tablename__ = "reservations"
    __table_args__ = (Index("ix_reservations_expires", "expires_at"),)

    call_id: str = _text(primary_key=True)
    organization_id: str = _text()
    user_id: str = _text()
    month: date = Field(sa_column=Column(Date, nullable=False))
    micros: int = _count(BigInteger)
    tokens: int = _count()
    began_at: datetime = _moment()
    expires_at: datetime = _moment()


class QuotaUse(Base, table=True):
    """What a user has asked for in this minute, hour and day. `next_at` is when the next request is due at the plan's
    rate (the theoretical arrival time of the generic cell rate algorithm, ITU-T I.371)."""

    __tablename__ = "quota_use"

    user_id: str = _text(primary_key=True)
    next_at: datetime = _moment(server_default=text("'-infinity'"))
    day: date = Field(sa_column=Column(Date, nullable=False))
    day_requests: int = _count(default=True)
    hour: datetime = _moment()
    hour_tokens: int = _count(BigInteger, default=True)


class ModelPolicyRow(Base, table=True):
    """What an organization allows of models for one feature, `*` for all others."""

    __tablename__ = "model_policies"
    __table_args__ = (
        CheckConstraint("quality_floor between 1 and 10", name="quality"),
        CheckConstraint("prefers in ('quality', 'price', 'speed')", name="prefers"),
    )

    organization_id: str = _text(primary_key=True)
    feature: str = _text(primary_key=True)
    allowed: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    quality_floor: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))
    ceiling_micros: int | None = _count(BigInteger, nullable=True)
    prefers: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'quality'")))
    updated_at: datetime = _moment(server_default=text("now()"))


class QuotaException(Base, table=True):
    """An operator's exception to an organization's quotas: who granted it, why, and until when. Never changed."""

    __tablename__ = "quota_exceptions"
    __table_args__ = (
        CheckConstraint("factor > 0", name="factor"),
        Index("ix_quota_exceptions_organization", "organization_id", "until"),
    )

    exception_id: str = _text(primary_key=True)
    organization_id: str = _text()
    factor: float
    until: datetime = _moment()
    reason: str = _text()
    granted_by: str = _text()
    granted_at: datetime = _moment(server_default=text("now()"))


class DeploymentOutage(Base, table=True):
    """A deployment whose breaker is open, of which operators have been told; gone when it is back."""

    __tablename__ = "deployment_outages"

    deployment: str = _text(primary_key=True)
    name: str = _text()
    since: datetime = _moment(server_default=text("clock_timestamp()"))
