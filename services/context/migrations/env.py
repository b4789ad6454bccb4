"""Alembic's entry point for schema `context`."""

from libs.db.migrations import run

run("context")
