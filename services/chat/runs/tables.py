"""The tables of multi-step runs."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field

from services.chat.tables import Base

_STATUSES = "'planned', 'running', 'waiting', 'paused', 'done', 'failed', 'cancelled'"
_STEP_STATUSES = "'pending', 'ready', 'running', 'waiting', 'done', 'failed', 'skipped', 'cancelled'"
_ORGANIZATION = text("current_setting('adjutant.organization_id')")
_USER = text("current_setting('adjutant.user_id')")


class RunRow(Base, table=True):
    """One run. `content` is JSON sealed with purpose `run`, row the run id: goal, how it was planned, its cost."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(f"status in ({_STATUSES})", name="status"),
        CheckConstraint(
            "(status in ('done', 'failed', 'cancelled')) = (finished_at is not null)", name="finished_when_over"
        ),
        Index("ix_runs_age", text("coalesce(finished_at, created_at)")),
        Index("ix_runs_conversation", "user_id", "conversation_id", postgresql_where=text("status = 'planned'")),
        Index("ix_runs_newest", "user_id", text("created_at desc"), "run_id"),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_ORGANIZATION))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    run_id: str = Field(sa_column=Column(Text, primary_key=True))
    status: str = Field(sa_column=Column(Text, nullable=False))
    n: int
    """Number of the newest update."""
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    conversation_id: str | None = Field(default=None, sa_column=Column(Text))
    """In which it was planned; one that was never started goes with it."""
    error: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    paused_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    deadline_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    seen_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """When its user last started, steered or looked at it, give or take a quarter of a minute."""


class RunStepRow(Base, table=True):
    """One step. Sealed JSON, row `<run id>:<place>`: `plan` (purpose `run_step`), `outcome` (`run_outcome`)."""

    __tablename__ = "run_steps"
    __table_args__ = (
        CheckConstraint(f"status in ({_STEP_STATUSES})", name="status"),
        Index("ix_run_steps_execution", "user_id", "execution_id", postgresql_where=text("execution_id is not null")),
    )

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_ORGANIZATION))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    run_id: str = Field(sa_column=Column(Text, primary_key=True))
    place: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    """In the plan, from 0; the step's id may be somebody's words, and is sealed."""
    status: str = Field(sa_column=Column(Text, nullable=False))
    attempt: int
    failures: int
    generation: int
    execution_id: str | None = Field(default=None, sa_column=Column(Text))
    plan: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    outcome: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    error: str | None = Field(default=None, sa_column=Column(Text))
    started_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class RunUpdateRow(Base, table=True):
    """What was told of a run. `data` is JSON sealed with purpose `run_update`, row `<run id>:<n>`."""

    __tablename__ = "run_updates"

    organization_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_ORGANIZATION))
    user_id: str = Field(sa_column=Column(Text, primary_key=True, server_default=_USER))
    run_id: str = Field(sa_column=Column(Text, primary_key=True))
    n: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
