"""The tables of schema `sync`."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("sync")


class Source(Base, table=True):
    """One provider of one user that is kept in step; lives as long as its connection.

    The owner columns fill themselves from the session, so that no statement can name somebody else.
    """

    __tablename__ = "sources"
    __table_args__ = (CheckConstraint("enabled = (reason_disabled is null)", name="paused_for_a_reason"),)

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    provider: str = Field(sa_column=Column(Text, primary_key=True))
    connection_id: str = Field(sa_column=Column(Text, nullable=False))
    enabled: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    reason_disabled: str | None = Field(default=None, sa_column=Column(Text))
    registered_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    connected_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When the connection was last made; a refusal older than this says nothing about it."""
