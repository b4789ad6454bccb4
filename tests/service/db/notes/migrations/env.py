"""Alembic's entry point for schema `notes`."""

from libs.db.migrations import run

run("notes")
