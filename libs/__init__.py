"""Machinery that every service shares. Knows envelopes and ids, never a service's own messages."""
