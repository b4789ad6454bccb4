"""The tables of schema `tool`."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Date, DateTime, Index, LargeBinary, Text, UniqueConstraint, text
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
        CheckConstraint(
            "status in ('proposed', 'held', 'claimed', 'done', 'failed', 'unknown', 'declined', 'expired',"
            " 'withdrawn')",
            name="status",
        ),
        CheckConstraint(
            "(status in ('proposed', 'held', 'claimed')) = (finished_at is null)", name="finished_when_final"
        ),
        CheckConstraint("(status = 'done') = (result is not null)", name="result_when_done"),
        CheckConstraint("(status in ('failed', 'unknown')) = (error is not null)", name="error_unless_done"),
        CheckConstraint("fence >= 0", name="fence_counts"),
        CheckConstraint(
            "status <> 'proposed' or (preview is not null and expires_at is not null)", name="proposed_until"
        ),
        CheckConstraint("status <> 'held' or due_at is not null", name="held_until"),
        Index("ix_executions_of_bookings", "finished_at", postgresql_where=text("tool like 'delegation\\_%'")),
        Index(
            "ix_executions_shown",
            "user_id",
            text("proposed_at desc"),
            postgresql_where=text("proposed_at is not null"),
        ),
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
    preview: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """What a person reads before deciding; sealed with purpose `execution_preview`."""
    roots: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """`roots.Roots`, sealed with purpose `execution_roots`; absent where nothing is known."""
    timezone: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'UTC'")))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """Until then a proposal waits."""
    due_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """Not before: until then it can be withdrawn."""
    undo_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    undone_by: str | None = Field(default=None, sa_column=Column(Text))
    """The execution that takes it back."""
    proposed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """Set for what the user sees under Actions."""


class ConsentRule(Base, table=True):
    """The user's standing word about a tool."""

    __tablename__ = "consent_rules"
    __table_args__ = (
        UniqueConstraint("organization_id", "user_id", "tool", "recipient", name="uq_consent_rules_tool"),
        CheckConstraint("verdict in ('allow', 'ask', 'never')", name="verdict"),
    )

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    rule_id: str = Field(sa_column=Column(Text, primary_key=True))
    tool: str = Field(sa_column=Column(Text, nullable=False))
    verdict: str = Field(sa_column=Column(Text, nullable=False))
    recipient: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))
    )


class Task(Base, table=True):
    """What a user means to do. `content` (title, notes) is sealed with the user's data key, purpose `task`, row id the
    task id."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("num_nonnulls(due_on, due_at) <= 1", name="due_once"),
        CheckConstraint("status in ('open', 'done')", name="status"),
        CheckConstraint("(status = 'done') = (completed_at is not null)", name="completed_when_done"),
        Index("ix_tasks_status", "organization_id", "user_id", "status", text("completed_at desc")),
    )

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    task_id: str = Field(sa_column=Column(Text, primary_key=True))
    """Follows from the execution that created it, if one did."""
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    due_on: date | None = Field(default=None, sa_column=Column(Date))
    due_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    completed_by: str | None = Field(default=None, sa_column=Column(Text))
    reopened_by: str | None = Field(default=None, sa_column=Column(Text))
    changed_by: str | None = Field(default=None, sa_column=Column(Text))
    """The executions that did it last; kept when the other is done since, so that neither is repeated."""
