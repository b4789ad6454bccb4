"""The first sign of an answer, from whichever deployment gives it first.

The first deployment is asked alone. When it fails, or says nothing for `hedge_s`, the next one is asked as well; the
first sign of life wins, and the others are let go. So a deployment that is dead costs nothing, one that hangs costs
`hedge_s`, and one that is merely slow still answers if nobody is faster.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from libs.models.errors import ModelError, ModelOvertaken, ModelTimeout
from libs.models.messages import ModelEvent
from libs.resilience.deadline import Deadline
from libs.resilience.retry import wait_before_retry
from services.chat.routing.deployments import Deployment

Ask = Callable[[Deployment], AsyncGenerator[ModelEvent, None]]
Failed = Callable[[Deployment, ModelError, float], None]
"""(deployment, why, `time.monotonic()` when it was asked)"""
Watch = Callable[["asyncio.Task[ModelEvent]", AsyncGenerator[ModelEvent, None], Deployment], None]
"""Takes a probe that has lost."""
LetGo = Callable[["asyncio.Task[ModelEvent]", AsyncGenerator[ModelEvent, None]], None]
"""Takes a cancelled read and the stream it read from, to be closed when there is time."""


@dataclass(slots=True)
class Runner:
    """A deployment that was asked and has begun to answer."""

    deployment: Deployment
    events: AsyncGenerator[ModelEvent, None]
    first: ModelEvent
    asked_at: float
    """`time.monotonic()`"""
    first_token_s: float


@dataclass(slots=True)
class _Try:
    deployment: Deployment
    events: AsyncGenerator[ModelEvent, None]
    task: "asyncio.Task[ModelEvent]"
    asked_at: float


class Race:
    """One race. `ask` opens a stream; `failed` hears of each loss; `let_go` closes what is no longer wanted, later."""

    def __init__(self, ask: Ask, failed: Failed, let_go: LetGo, watch: Watch) -> None:
        self._ask = ask
        self._failed = failed
        self._let_go = let_go
        self._watch = watch
        self._probe: Deployment | None = None
        self._running: list[_Try] = []

    async def first(
        self, order: Sequence[Deployment], deadline: Deadline, *, hedge_s: float, probe: Deployment | None = None
    ) -> Runner:
        """The winner. `probe` is asked along with the first. When all have lost, raises the ModelError that gives the
        most hope for another time."""
        waiting = list(order)
        self._start(waiting.pop(0))
        self._probe = probe
        if probe is not None:
            self._start(probe)
        try:
            return await self._won(waiting, deadline, hedge_s)
        except BaseException:
            # Cancelled, or all lost: nobody waits for the others any more.
            for left in self._running:
                self._drop(left)
            raise

    async def _won(self, waiting: list[Deployment], deadline: Deadline, hedge_s: float) -> Runner:
        errors: list[ModelError] = []
        while self._running:
            silent_s = max(each.asked_at for each in self._running) + hedge_s - time.monotonic()
            limit_s = min(max(0.0, silent_s), deadline.remaining_s()) if waiting else deadline.remaining_s()
            tasks = {each.task for each in self._running}
            done, _ = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                if not waiting or deadline.remaining_s() <= 0:
                    raise self._late(ModelTimeout("The language model took too long."))
                self._start(waiting.pop(0))
            for each in [running for running in self._running if running.task in done]:
                self._running.remove(each)
                try:
                    event = each.task.result()
                except ModelError as error:
                    errors.append(error)
                    self._failed(each.deployment, error, each.asked_at)
                    # A probe that fails leaves those at work who would have answered without it.
                    if waiting and each.deployment is not self._probe:
                        self._start(waiting.pop(0))
                else:
                    return self._winner(each, event, hedge_s)
        raise min(reversed(errors), key=_hopelessness)

    def _winner(self, won: _Try, event: ModelEvent, hedge_s: float) -> Runner:
        waited_s = time.monotonic() - won.asked_at
        for loser in self._running:
            # Silent until its rival was called: that is what being late means. A probe is nobody's rival.
            if loser.asked_at < won.asked_at and time.monotonic() - loser.asked_at >= hedge_s:
                late = ModelOvertaken("The language model took longer than another one.")
                self._failed(loser.deployment, late, loser.asked_at)
            self._drop(loser)
        return Runner(won.deployment, won.events, event, won.asked_at, waited_s)

    def _late(self, error: ModelTimeout) -> ModelTimeout:
        for each in self._running:
            self._failed(each.deployment, error, each.asked_at)
        return error

    def _start(self, deployment: Deployment) -> None:
        events = self._ask(deployment)
        task = asyncio.create_task(_first_of(events))
        self._running.append(_Try(deployment, events, task, time.monotonic()))

    def _drop(self, loser: _Try) -> None:
        if loser.deployment is self._probe:
            self._watch(loser.task, loser.events, loser.deployment)
            return
        loser.task.cancel()
        self._let_go(loser.task, loser.events)


def _hopelessness(error: ModelError) -> float:
    """Seconds until asking again may help."""
    pause_s = wait_before_retry(error)
    return math.inf if pause_s is None else pause_s


async def _first_of(events: AsyncGenerator[ModelEvent, None]) -> ModelEvent:
    async for event in events:
        return event
    raise ModelTimeout("The language model gave no answer.")
