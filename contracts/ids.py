"""Identifiers: a short prefix that tells the kind, and a UUIDv7 so that they sort by creation time.

Every id is a legal NATS subject token and a legal literal inside `SET LOCAL`: letters, digits and one underscore.
"""

import os
import re
import time
from typing import NewType

UserId = NewType("UserId", str)
OrganizationId = NewType("OrganizationId", str)
ConversationId = NewType("ConversationId", str)
TurnId = NewType("TurnId", str)
MessageId = NewType("MessageId", str)
ConnectionId = NewType("ConnectionId", str)
ExecutionId = NewType("ExecutionId", str)
NotificationId = NewType("NotificationId", str)
RunId = NewType("RunId", str)

PREFIXES = {
    "u": "user",
    "org": "organization",
    "c": "conversation",
    "vc": "conversation with a visitor: an outsider who came by a booking link",
    "t": "turn",
    "m": "message",
    "cn": "connection",
    "x": "tool execution",
    "cr": "rule of consent",
    "n": "notification",
    "k": "API key",
    "sk": "API key of another provider, supplied by a user or organization",
    "s": "session",
    "w": "watch at a provider",
    "mc": "model call",
    "sy": "sync run",
    "dl": "delegation: a link by which outsiders book",
    "b": "booking, from its hold on",
    "nw": "connection of two users, from the invitation on",
    "ng": "negotiation of two users",
    "r": "multi-step run",
    "tk": "task",
    "me": "entry of memory",
    "evt": "event, command or query envelope",
}

_PATTERN = re.compile(r"^(?:" + "|".join(PREFIXES) + r")_[0-9a-f]{32}$")


def new_id(prefix: str) -> str:
    """A fresh id such as `t_0190c0de…`; UUIDv7 layout of RFC 9562 section 5.7 as 32 hex digits."""
    if prefix not in PREFIXES:
        raise ValueError(f"unknown id prefix {prefix!r}: add it to contracts.ids.PREFIXES")
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return f"{prefix}_{value:032x}"


def is_id(text: str) -> bool:
    """Whether the text is a well-formed Adjutant id of any kind."""
    return _PATTERN.fullmatch(text) is not None
