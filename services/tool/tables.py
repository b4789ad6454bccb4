"""The tables of schema `tool`."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("tool")


class UsableConnection(Base, table=True):
    """A provider that the user connected and that was not refused since; kept from oauth's events."""

    __tablename__ = "usable_connections"

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    provider: str = Field(sa_column=Column(Text, primary_key=True))
    connection_id: str = Field(sa_column=Column(Text, nullable=False))
    connected_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When we heard of it; a refusal older than this says nothing about it."""


class Execution(Base, table=True):
    """One intended effect. Written before the provider is called; kept, since an id is good for one effect only.

    `arguments` and `result` are sealed with the user's data key, purposes `execution_arguments` and
    `execution_result`, row id the execution id; erasing the key leaves a row without content.
    """

    __tablename__ = "executions"
    __table_args__ = (
        CheckConstraint("status in ('claimed', 'done', 'failed', 'unknown')", name="status"),
        CheckConstraint("(status = 'claimed') = (finished_at is null)", name="finished_when_final"),
        CheckConstraint("(status = 'done') = (result is not null)", name="result_when_done"),
        CheckConstraint("(status in ('failed', 'unknown')) = (error is not null)", name="error_unless_done"),
        CheckConstraint("fence > 0", name="fence_counts"),
    )

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    execution_id: str = Field(sa_column=Column(Text, primary_key=True))
    tool: str = Field(sa_column=Column(Text, nullable=False))
    arguments_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Tells whether a repeated command means the same; salted with the execution id."""
    arguments: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    lease_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """Until then the holder of the claim may still cause an effect; by PostgreSQL's clock."""
    fence: int
    """Counts takeovers; a holder whose number is old may write nothing."""
    provider_ref: str | None = Field(default=None, sa_column=Column(Text))
    """The provider's own id of what came into being."""
    result: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    error: str | None = Field(default=None, sa_column=Column(Text))
    detail: str | None = Field(default=None, sa_column=Column(Text))
    """A sentence for the user without personal data."""
    asked_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """What "tomorrow" in the arguments is relative to."""
    claimed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
