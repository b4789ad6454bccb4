"""Notion, read for sync."""
