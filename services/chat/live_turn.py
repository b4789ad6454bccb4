"""The hot path: what a turn publishes while it runs, `live.turn.<turn id>`.

Lean on purpose: a msgspec struct instead of the contract class (about 1 µs instead of 8; a test holds the two
together), and no awaiting but for room in the client's buffer.
"""

from typing import Literal

import msgspec
import structlog

from libs.bus import Bus
from libs.resilience.errors import Unavailable
from services.chat.coalescing import Coalescer

log = structlog.get_logger("services.chat")


class Update(msgspec.Struct, frozen=True, omit_defaults=True):
    """`contracts.chat.TurnUpdate`, lean."""

    n: int
    type: str
    step_id: str | None = None
    name: str | None = None
    status: Literal["ok", "failed", "skipped"] | None = None
    text: str | None = None
    message_id: str | None = None
    engine: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    detail: str | None = None
    action_id: str | None = None


class _Number(msgspec.Struct):
    n: int
    type: str


_encode = msgspec.json.Encoder().encode
_number = msgspec.json.Decoder(_Number)
FINAL = frozenset({"turn.completed", "turn.failed", "turn.stopped"})


class LiveTurn:
    """Numbers and publishes the updates of one turn. Losing them loses no answer: that lies in the database."""

    def __init__(self, bus: Bus, turn_id: str) -> None:
        self._bus = bus
        self._turn_id = turn_id
        self._publisher = bus.live("turn", turn_id)
        self._n = 0
        self._coalescer = Coalescer(self._say)
        self.text = ""
        """All visible text so far."""

    async def take_over(self) -> bool:
        """Go on counting where a lost replica stopped; returns whether the turn had already told its end."""
        last = await self._bus.last_live("turn", self._turn_id)
        if last is None:
            return False
        seen = _number.decode(last)
        self._n = seen.n
        if seen.type in FINAL:
            return True
        await self.emit("turn.restarted")
        return False

    async def emit(
        self,
        type: str,
        *,
        step_id: str | None = None,
        name: str | None = None,
        status: Literal["ok", "failed", "skipped"] | None = None,
        text: str | None = None,
        action_id: str | None = None,
    ) -> None:
        """Publish a step or progress, after the text held so far."""
        await self._coalescer.flush()
        await self._publish(
            Update(self._next(), type, step_id=step_id, name=name, status=status, text=text, action_id=action_id)
        )

    async def end(self, update: Update) -> None:
        """Publish the last update; its number is given here."""
        await self._coalescer.flush()
        await self._publish(msgspec.structs.replace(update, n=self._next()))

    async def say(self, text: str) -> None:
        """Publish visible text."""
        if text:
            self.text += text
            await self._coalescer.say(text)

    async def say_aside(self, text: str) -> None:
        """Publish text that is seen after the answer and does not belong to it."""
        if text:
            await self._coalescer.say(text)

    async def _say(self, text: str) -> None:
        await self._publish(Update(self._next(), "token", text=text))

    def _next(self) -> int:
        self._n += 1
        return self._n

    async def _publish(self, update: Update) -> None:
        try:
            await self._publisher.publish(_encode(update))
        except Unavailable as away:
            # Followers notice the gap in the numbers and read the answer from the conversation instead.
            log.info("live_update_lost", error=away.slug)
