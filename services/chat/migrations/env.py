"""Alembic's entry point for schema `chat`."""

from libs.db.migrations import run

run("chat")
