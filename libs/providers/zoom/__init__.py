"""Zoom, read for sync."""
