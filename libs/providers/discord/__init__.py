"""Discord, read for sync."""
