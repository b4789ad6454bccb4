"""Alembic's entry point for schema `oauth`."""

from libs.db.migrations import run

run("oauth")
