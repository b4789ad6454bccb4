"""Alembic's entry point for schema `notification`."""

from libs.db.migrations import run

run("notification")
