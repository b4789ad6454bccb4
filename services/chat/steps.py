"""What a turn has decided and learnt so far: the memory that outlives the replica running it."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from contracts.ids import ExecutionId
from contracts.tool import Effect


class ToolCall(msgspec.Struct, frozen=True):
    """A decided call; `arguments` is JSON text as the model wrote it.

    What is known of the tool is kept with the call: a successor that cannot reach the tool service must still
    know that this may have been done.
    """

    id: str
    tool: str
    arguments: str
    effect: Effect | None = None
    """None: there was no such tool when this was decided."""
    untrusted: bool = False

    @property
    def changes_something(self) -> bool:
        """Whether it is anything but a read."""
        return self.effect is not None and self.effect is not Effect.READ


class Decision(msgspec.Struct, frozen=True, tag="decision"):
    """Text said so far in this round, and the calls to make. Saved before the first of them is made."""

    text: str
    calls: tuple[ToolCall, ...]
    engine: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    timezone: str = "UTC"
    """In which the calls are meant: the user's profile may say something else, or nothing, to a successor."""


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """What one call came to; `result` is JSON text, `detail` a sentence for the user when it failed."""

    call_id: str
    tool: str
    ok: bool
    effect: bool
    untrusted: bool
    result: str = "{}"
    detail: str | None = None
    action_id: str | None = None
    """Set when the user has to decide, or may withdraw it."""

    def as_data(self) -> dict[str, Any]:
        """The result as a JSON object."""
        decoded = msgspec.json.decode(self.result)
        return decoded if isinstance(decoded, dict) else {"value": decoded}


Step = Decision | Outcome

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Step] = msgspec.json.Decoder(Step)


def encode(step: Step) -> bytes:
    """As it is sealed into the table."""
    return _encoder.encode(step)


def decode(data: bytes) -> Step:
    """Back from the table."""
    return _decoder.decode(data)


@dataclass(frozen=True, slots=True)
class Round:
    """One decision and the outcomes that are known of its calls, in the order of the calls."""

    number: int
    decision: Decision
    outcomes: tuple[Outcome, ...]

    @property
    def missing(self) -> tuple[ToolCall, ...]:
        """Calls without an outcome."""
        known = {outcome.call_id for outcome in self.outcomes}
        return tuple(call for call in self.decision.calls if call.id not in known)


def rounds(steps: tuple[Step, ...]) -> tuple[Round, ...]:
    """Decisions with their outcomes. An outcome always follows the decision it belongs to."""
    grouped: list[tuple[Decision, list[Outcome]]] = []
    for step in steps:
        if isinstance(step, Decision):
            grouped.append((step, []))
        else:
            grouped[-1][1].append(step)
    return tuple(Round(number, decision, tuple(outcomes)) for number, (decision, outcomes) in enumerate(grouped))


def execution_id(turn_id: str, round_number: int, call_number: int) -> ExecutionId:
    """The same for the same call of the same turn, in whatever replica: this is why no effect happens twice."""
    digest = hashlib.sha256(f"{turn_id}:{round_number}:{call_number}".encode()).hexdigest()
    return ExecutionId(f"x_{digest[:32]}")
