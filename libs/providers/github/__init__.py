"""GitHub, read for sync."""
