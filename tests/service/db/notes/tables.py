"""The tables of the notes service."""

from datetime import datetime

from sqlalchemy import Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from libs.db import service_metadata


class Base(SQLModel):
    """Everything below lives in schema `notes`."""

    metadata = service_metadata("notes")


class Note(Base, table=True):
    """A note of a person; kept by month."""

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_user_id_created_at", "user_id", "created_at"),)

    id: str = Field(sa_column=Column(Text, primary_key=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    organization_id: str = Field(sa_column=Column(Text, nullable=False))
    user_id: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))


class Key(Base, table=True):
    """A secret that tells whose it is to whoever presents it."""

    __tablename__ = "keys"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    organization_id: str = Field(sa_column=Column(Text, nullable=False))
    user_id: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False, unique=True))
