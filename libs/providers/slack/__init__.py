"""Slack, read for sync."""
