"""Alembic's entry into schema `gateway`."""

from libs.db.migrations import run

run("gateway")
