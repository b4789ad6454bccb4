"""Alembic's entry point for schema `sync`."""

from libs.db.migrations import run

run("sync")
