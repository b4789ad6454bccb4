"""Delegation: a secret link by which an outsider sees free times, holds one, and books it.

Owns the links, when their owner can be booked, and the bookings. Never shows an outsider what fills the owner's
calendar, and never takes an outsider's words for anything but words. What a booking does to a calendar goes through
the ledger (`services.tool.booking`).
"""
