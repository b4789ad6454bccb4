"""Watches the event loop: how late it wakes up, and who must have blocked it when it is very late."""

import asyncio
import time

from libs.telemetry import get_logger
from libs.telemetry.metrics import LOOP_LAG

log = get_logger("libs.runtime")

EVERY_S = 0.5
WARN_S = 2.0


async def watch_loop() -> None:
    """For ever; one per event loop. A lag means that something blocked it, or that the machine was busy or asleep."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(EVERY_S)
        lag_s = max(0.0, time.monotonic() - asked - EVERY_S)
        LOOP_LAG.observe(lag_s)
        if lag_s > WARN_S:
            log.warning("event_loop_lagged", lag_s=round(lag_s, 2))
