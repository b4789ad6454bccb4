"""Alembic's entry point for schema `tool`."""

from libs.db.migrations import run

run("tool")
