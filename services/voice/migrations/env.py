"""Alembic's entry point for schema `voice`."""

from libs.db.migrations import run

run("voice")
