"""A model request, answered by whichever deployment can: one stream of events, whatever happens behind it.

ranked ──race──> first sign of life ──> events ──> Finished
   ^                │ all failed: ModelError        │ breaks or stalls
   │                                                ├─ nothing visible yet: raced again, unseen
   └────────────────────────────────────────────────┴─ text visible: another one goes on (Seam), else an honest end
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from opentelemetry.trace import SpanKind, StatusCode

from libs.models.errors import (
    ModelError,
    ModelLeftAlone,
    ModelOvertaken,
    ModelRateLimited,
    ModelRefusedKey,
    ModelTimeout,
    NoModelFits,
    StreamBroken,
)
from libs.models.messages import (
    Alive,
    Finished,
    ModelEvent,
    TextDelta,
    ToolCalls,
)
from libs.resilience.deadline import Deadline
from libs.resilience.retry import wait_before_retry
from libs.telemetry import get_logger, tracer
from services.chat.routing.blame import is_its_own
from services.chat.routing.choice import fitting, ranked
from services.chat.routing.deployments import Deployment
from services.chat.routing.health import OPEN_S, State
from services.chat.routing.keyring import Keyring
from services.chat.routing.leftovers import Leftovers
from services.chat.routing.race import Race, Runner
from services.chat.routing.request import Attempt, ModelRequest, Record, continued, size_of, within_context
from services.chat.routing.seam import Seam

log = get_logger("services.chat")

HEDGE_S = 1.5
"""After so long without a sign another deployment is asked as well."""
STALL_S = 1.8
"""So long a pause in the middle of an answer counts as its end, when another deployment can go on."""
MOST_ATTEMPTS = 6
ROUNDS = 3
MOST_KEYS = 2
"""Keys of one user that a request tries at one deployment: the new one, and the one that it replaces."""
NO_TIME_S = 0.05
"""With less than this left, a deadline counts as passed."""


class Router:
    """All deployments of this process."""

    def __init__(
        self,
        deployments: Sequence[Deployment],
        *,
        hedge_s: float = HEDGE_S,
        stall_s: float = STALL_S,
        chance: random.Random | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._keyring = keyring
        self.deployments = tuple(deployments)
        self._hedge_s = hedge_s
        self._stall_s = stall_s
        self._chance = chance or random.SystemRandom()
        self._leftovers = Leftovers()

    async def stream(
        self, request: ModelRequest, deadline: Deadline, record: Record | None = None
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer. Raises ModelError when nobody could give one, or nobody could go on."""
        record = record if record is not None else Record()
        said: list[str] = []
        excluded: set[str] = set()
        while True:
            seam = Seam("".join(said)) if said else None
            runner = await self._begun(continued(request, said), deadline, record, excluded)
            try:
                stall_s = self._patience_s(request, runner, excluded, record)
                async with aclosing(self._events(runner, deadline, seam, record, said, stall_s)) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                excluded.add(runner.deployment.name)
                self._note_failure(runner.deployment, error, runner.asked_at, record, deadline, has_begun=True)
                pause_s = self._pause_before_going_on(request, error, excluded, record, deadline)
                if pause_s is None:
                    raise
                log.warning("answer_broke_off", deployment=runner.deployment.name, error=error.slug, seen=bool(said))
            if not self._has_others(request, excluded):
                excluded.clear()
            await asyncio.sleep(pause_s)

    def check(self, request: ModelRequest) -> None:
        """Raises NoModelFits before anything is put aside for a request that nobody can answer."""
        if not fitting(self.deployments, request.wish):
            raise NoModelFits(f"No language model fits this request (asked for: {request.wish.model!r}).")

    async def aclose(self) -> None:
        """Wait until everything that was let go is closed."""
        await self._leftovers.aclose()
        if self._keyring is not None:
            await self._keyring.aclose()

    async def _begun(self, request: ModelRequest, deadline: Deadline, record: Record, excluded: set[str]) -> Runner:
        """A deployment that has begun to answer. When all have failed, they are asked again after a pause that follows
        from the last error (SPEC H4), up to three rounds and half of the time there is."""
        patience = Deadline.after(deadline.remaining_s() / 2)
        for round_ in range(1, ROUNDS + 1):
            try:
                return await self._race(request, deadline, record, excluded)
            except ModelError as error:
                pause_s = wait_before_retry(error)
                if round_ == ROUNDS or pause_s is None or pause_s >= patience.remaining_s():
                    raise
            await asyncio.sleep(pause_s)
        raise AssertionError("the last round returns or raises")

    async def _race(self, request: ModelRequest, deadline: Deadline, record: Record, excluded: set[str]) -> Runner:
        order = [each for each in ranked(self.deployments, request.wish, self._chance) if each.name not in excluded]
        if not order:
            raise NoModelFits("No language model fits this request.")
        asked = [each for each in order if each.health.state is not State.OPEN]
        if not asked:
            raise ModelLeftAlone("The language model has failed again and again.", retry_after_s=OPEN_S)
        probe = None
        if asked[0].health.state is State.WELL:
            probe = next((each for each in asked[1:] if each.health.may_probe()), None)
        race = Race(
            lambda deployment: self._ask(deployment, request, deadline),
            lambda deployment, error, asked_at: self._note_failure(deployment, error, asked_at, record, deadline),
            self._leftovers.let_go,
            self._leftovers.watch_probe,
        )
        rest = [each for each in asked if each is not probe]
        record.asked = record.asked or rest[0]
        return await race.first(rest[:MOST_ATTEMPTS], deadline, hedge_s=self._hedge_s, probe=probe)

    async def _ask(
        self, deployment: Deployment, request: ModelRequest, deadline: Deadline
    ) -> AsyncGenerator[ModelEvent, None]:
        model = deployment.settings.model
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
        # Not the current span: the first event is read by one task, the others by another.
        span = tracer.begin(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes)
        span.set_attribute("adjutant.deployment", deployment.name)
        try:
            async with aclosing(self._opened(deployment, request, deadline)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        span.set_attribute("gen_ai.usage.input_tokens", event.input_tokens)
                        span.set_attribute("gen_ai.usage.output_tokens", event.output_tokens)
                    yield event
        except ModelError as error:
            span.set_status(StatusCode.ERROR, error.slug)
            raise
        finally:
            span.end()

    async def _opened(
        self, deployment: Deployment, request: ModelRequest, deadline: Deadline
    ) -> AsyncGenerator[ModelEvent, None]:
        """With the deployment's own key, or with one that was brought; a refused one is tried again with the other."""
        settings = deployment.settings
        options = within_context(request, settings)
        refused: tuple[str, ...] = ()
        while True:
            client, key_id = deployment.client, ""
            if settings.key_from == "vault" and self._keyring is not None and request.scope is not None:
                client, key_id = await self._keyring.client(settings, request.scope, refused)
            stream = client.stream(request.messages, request.tools, options=options, deadline=deadline)
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        yield event
            except ModelRefusedKey:
                if not key_id or len(refused) >= MOST_KEYS:
                    raise
                refused = (*refused, key_id)
            else:
                return

    async def _events(
        self,
        runner: Runner,
        deadline: Deadline,
        seam: Seam | None,
        record: Record,
        said: list[str],
        stall_s: float,
    ) -> AsyncGenerator[ModelEvent, None]:
        """What the winner says, joined to what was said before. `stall_s`: the longest pause."""
        deployment = runner.deployment
        record.deployment, record.size = deployment, 0
        event: ModelEvent | None = runner.first
        try:
            while event is not None:
                if isinstance(event, TextDelta):
                    record.size += size_of(event.text)
                    text = seam.feed(event.text) if seam else event.text
                    if text:
                        if record.first_token_s is None:
                            record.first_token_s = time.monotonic() - runner.asked_at
                        said.append(text)
                        yield event if text is event.text else TextDelta(text)
                elif not isinstance(event, Alive):
                    if isinstance(event, ToolCalls):
                        record.size += sum(size_of(call.name + call.arguments) for call in event.calls)
                    if seam and (rest := seam.end()):
                        said.append(rest)
                        yield TextDelta(rest)
                    seam = None
                    if isinstance(event, Finished):
                        self._note_success(runner, event, record)
                    yield event
                event = await _next(runner, deadline, stall_s)
        except BaseException:
            self._leftovers.let_go(None, runner.events)
            raise
        await runner.events.aclose()

    def _pause_before_going_on(
        self, request: ModelRequest, error: ModelError, excluded: set[str], record: Record, deadline: Deadline
    ) -> float | None:
        """0: another deployment goes on at once. Seconds: nobody else is there, and the same ones may do better then.
        None: it is over."""
        if len(record.attempts) >= MOST_ATTEMPTS or deadline.remaining_s() <= 0:
            return None
        if self._has_others(request, excluded):
            return 0.0
        pause_s = wait_before_retry(error)
        may_wait = pause_s is not None and pause_s < deadline.remaining_s() / 2 and len(record.attempts) < ROUNDS
        return pause_s if may_wait else None

    def _has_others(self, request: ModelRequest, excluded: set[str]) -> bool:
        """Whether somebody could go on who has not failed at this answer."""
        return any(
            each.name not in excluded and each.health.state is not State.OPEN
            for each in fitting(self.deployments, request.wish)
        )

    def _patience_s(self, request: ModelRequest, runner: Runner, excluded: set[str], record: Record) -> float:
        """How long a pause in an answer may be: while nobody else could go on, a pause is better than an end, and the
        adapter's own limit is the only one."""
        is_last = len(record.attempts) + 1 >= MOST_ATTEMPTS
        can_be_replaced = self._has_others(request, {*excluded, runner.deployment.name})
        return self._stall_s if can_be_replaced and not is_last else math.inf

    def _note_success(self, runner: Runner, finished: Finished, record: Record) -> None:
        deployment = runner.deployment
        deployment.health.succeeded(runner.first_token_s)
        record.finished = finished
        took_s = time.monotonic() - runner.asked_at
        record.attempts.append(Attempt(deployment, None, took_s))

    def _note_failure(
        self,
        deployment: Deployment,
        error: ModelError,
        asked_at: float,
        record: Record,
        deadline: Deadline,
        *,
        has_begun: bool = False,
    ) -> None:
        took_s = time.monotonic() - asked_at
        had_time = deadline.remaining_s() > NO_TIME_S or (not has_begun and took_s >= self._hedge_s)
        if is_its_own(deployment, error, had_time=had_time):
            rest_s = error.retry_after_s if isinstance(error, ModelRateLimited) else None
            deployment.health.failed(error.slug, rest_s, may_open=not isinstance(error, ModelOvertaken))
        size = (record.size or 0) if has_begun else 0
        record.attempts.append(Attempt(deployment, error.slug, took_s, size))
        if has_begun:
            record.size = None


async def _next(runner: Runner, deadline: Deadline, stall_s: float) -> ModelEvent | None:
    try:
        async with asyncio.timeout(min(stall_s, max(deadline.remaining_s(), 0.01))):
            return await anext(runner.events, None)
    except TimeoutError as error:
        if deadline.remaining_s() <= NO_TIME_S:
            raise ModelTimeout("The language model took too long.") from error
        raise StreamBroken("The language model stopped in the middle of its answer.") from error
