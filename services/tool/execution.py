"""Carrying an effect out: do it, and whenever it is not certain whether it was done, look before doing it again.

What may come of one attempt:

    a result                      → done
    a refusal (400, 403, 404 …)   → failed: nothing happened
    "slow down" (429)             → wait as told, try again: nothing happened
    no or half an answer, 5xx     → look: found → done; not found → try again; cannot look → wait, look again

At the end of the patience: failed if nothing can have happened, unknown if nobody can tell. Then a person looks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from contracts.tool import ExecutionStatus
from libs.providers.errors import ProviderTimeout, may_have_happened
from libs.resilience.errors import AdjutantError, Internal
from libs.telemetry import get_logger
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.ledger import ATTEMPT_S, SETTLE_S, Ending
from services.tool.registry import Tool

log = get_logger("services.tool")

FRESH_S = 1.0
"""So old a lease may be when a try begins: the rest of `SETTLE_S` is what a try may overrun."""
Renew = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a user's effect is tried before it is given up (a turn waits for it), with which pauses."""

    total_s: float = 20.0
    settle_s: float = SETTLE_S
    pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)


PATIENCE = Patience()


async def carry_out(
    tool: Tool[Any],
    arguments: Arguments,
    context: Context,
    *,
    is_first: bool,
    renew: Renew,
    claimed_at: float,
    patience: Patience = PATIENCE,
) -> Ending:
    """How it ended; provider errors never get out of here, nor do bugs of a tool.

    `renew` extends the lease and is called before each try but a first one that begins soon after `claimed_at`
    (time.monotonic): a process that was stopped in between may have a successor by now.
    """
    attempt = _Attempt(tool, arguments, context, is_open=not is_first)
    give_up_at = time.monotonic() + patience.total_s
    number = 0
    while True:
        if number or time.monotonic() - claimed_at > FRESH_S:
            await renew()
        ending = await attempt.once()
        if ending:
            return ending
        pause_s = attempt.wished_pause_s or patience.pauses_s[min(number, len(patience.pauses_s) - 1)]
        if time.monotonic() + pause_s >= give_up_at:
            return await attempt.last_look(renew, patience.settle_s)
        await asyncio.sleep(pause_s)
        number += 1


class _Attempt:
    """One execution in this process. `is_open` means: it may have happened, nobody has looked yet."""

    def __init__(self, tool: Tool[Any], arguments: Arguments, context: Context, *, is_open: bool) -> None:
        self._tool = tool
        self._arguments = arguments
        self._context = context
        self._is_open = is_open
        self._error: AdjutantError | None = None
        self.wished_pause_s: float | None = None

    async def once(self) -> Ending | None:
        """Look if need be, then do it. None: try again later."""
        try:
            return await self._look_then_run()
        except AdjutantError as error:
            self._error = error
            self._is_open = self._is_open or may_have_happened(error)
            self.wished_pause_s = error.retry_after_s
            log.info("execution_attempt_failed", tool=self._tool.name, error=error.slug, open=self._is_open)
            if error.retryable:
                return None
            # A refused look leaves open what a refused attempt settles.
            return _unknown(error) if self._is_open else _failed(error)
        except Exception as bug:
            # Where in the tool it broke nobody knows; a claim that is taken over again and again helps nobody.
            log.error("execution_broke", tool=self._tool.name, error=type(bug).__name__, exc_info=bug)
            return _unknown(Internal("Something went wrong on our side."))

    async def _look_then_run(self) -> Ending:
        try:
            # All of it within the lease: a successor may act as soon as that has run out.
            async with asyncio.timeout(ATTEMPT_S):
                found = await self._look() if self._is_open else None
                return found or _done(await self._tool.run(self._arguments, self._context))
        except TimeoutError as error:
            raise ProviderTimeout(f"{self._tool.name} was not done within {ATTEMPT_S:.0f} s.") from error

    async def last_look(self, renew: Renew, settle_s: float) -> Ending:
        """Nothing is done any more: what did come of it?"""
        assert self._error is not None
        if not self._is_open:
            return _failed(self._error)
        await asyncio.sleep(settle_s)
        await renew()
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._look() or _failed(self._error)
        except (AdjutantError, TimeoutError) as error:
            return _unknown(error if isinstance(error, AdjutantError) else self._error)

    async def _look(self) -> Ending | None:
        assert self._tool.look_up is not None
        found = await self._tool.look_up(self._arguments, self._context)
        self._is_open = False
        return _done(found) if found is not None else None


def said(error: AdjutantError) -> str:
    """What the user is told: what went wrong, and what to do."""
    return f"{error.detail} {error.advice}"


def refused(error: AdjutantError) -> Ending:
    """The end of something that was never tried."""
    return _failed(error)


def unclear(error: AdjutantError) -> Ending:
    """The end of something that was begun, and cannot be gone on with."""
    return _unknown(error)


def _done(result: BaseModel) -> Ending:
    reference = getattr(result, "event_id", None)
    return Ending(ExecutionStatus.DONE, result_json=result.model_dump_json(by_alias=True), provider_ref=reference)


def _failed(error: AdjutantError) -> Ending:
    return Ending(ExecutionStatus.FAILED, error=error.slug, detail=said(error))


def _unknown(error: AdjutantError) -> Ending:
    detail = f"{error.detail} It is not certain whether this was done: please look before asking again."
    return Ending(ExecutionStatus.UNKNOWN, error=error.slug, detail=detail)
