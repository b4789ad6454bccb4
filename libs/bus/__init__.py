"""Owns every way the services talk to each other: outbox, consumers, queries, live messages.

Never: knowledge of a particular message. Which function takes which message stands in each service's `app.py`.
"""

from libs.bus.bus import Bus
from libs.bus.call import Call
from libs.bus.errors import (
    OURS_AWAY,
    BusUnavailable,
    LiveGap,
    MalformedMessage,
    RemoteError,
    ServiceUnavailable,
    TopologyDrift,
)
from libs.bus.outbox import publish, send_later, take_back
from libs.bus.routes import Route, answer, handle, handle_long, react

__all__ = [
    "OURS_AWAY",
    "Bus",
    "BusUnavailable",
    "Call",
    "LiveGap",
    "MalformedMessage",
    "RemoteError",
    "Route",
    "ServiceUnavailable",
    "TopologyDrift",
    "answer",
    "handle",
    "handle_long",
    "publish",
    "react",
    "send_later",
    "take_back",
]
