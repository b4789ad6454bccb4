"""The tables of schema `voice`."""

from datetime import datetime

from sqlalchemy import Column, DateTime, Text, text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything in this schema."""

    metadata = service_metadata("voice")


class TelephoneSettings(Base, table=True):
    """What one user allows by telephone; one row a user, for as long as the account lives.

    Everything is off until its user turns it on. The owner columns fill themselves from the session.
    """

    __tablename__ = "telephone_settings"

    organization_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.organization_id')"))
    )
    user_id: str = Field(
        sa_column=Column(Text, primary_key=True, server_default=text("current_setting('adjutant.user_id')"))
    )
    answer_calls: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    send_sms: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    voice: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
