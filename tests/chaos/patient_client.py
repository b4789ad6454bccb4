"""A client that never gives up on a turn: it repeats a request with its key and resumes a broken stream."""

import asyncio
import time
from collections.abc import Callable

import httpx

from libs.testing.client import AdjutantClient, Answer

RETRY_EVERY_S = 0.5
WORTH_RETRYING = {429, 502, 503, 504}


async def finish_turn(client: AdjutantClient, text: str, key: str, patience_s: float) -> Answer:
    """Ask until a final update arrived. Raises TimeoutError after `patience_s`."""
    answer = Answer()
    deadline = time.monotonic() + patience_s
    while not answer.outcome:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the turn for {key} did not end in {patience_s:.0f} s: {answer.updates[-3:]}")
        try:
            if answer.turn_id:
                await client.resume(answer)
            else:
                await client.chat(text, answer=answer, idempotency_key=key)
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code not in WORTH_RETRYING:
                raise
            await asyncio.sleep(RETRY_EVERY_S)
        except httpx.TransportError:
            await asyncio.sleep(RETRY_EVERY_S)
        if answer.updates and answer.updates[-1]["type"] == "error":
            # The gateway gave up waiting, the turn did not: look again.
            answer.updates.pop()
    return answer


async def until(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    """Wait for a condition, looking often. Raises TimeoutError naming what did not happen."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {patience_s:.0f} s")
        await asyncio.sleep(0.1)
