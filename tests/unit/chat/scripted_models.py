"""Model clients that do what a test says: for the router's decisions, which need no server."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from libs.models.errors import ModelError
from libs.models.headroom import UNTOLD, Headroom
from libs.models.messages import NO_OPTIONS, Finished, ModelEvent, ModelMessage, Options, TextDelta, ToolSchema
from libs.resilience.deadline import Deadline
from services.chat.routing.deployments import Deployment, DeploymentSettings

HANG = "hang"
PAUSE = "pause"
PAUSE_S = 0.15


@dataclass
class ScriptedModel:
    """`script`: texts to say, errors to raise, HANG to fall silent, PAUSE to do so for a while.

    A whole script ends with Finished.
    """

    model: str
    script: list[str | ModelError] = field(default_factory=list)
    pause_s: float = 0.0
    """Before the first event."""
    asked: list[tuple[ModelMessage, ...]] = field(default_factory=list)
    closed: int = 0
    limits: list[int | None] = field(default_factory=list)
    """Of length, as they were asked for."""
    headroom: Headroom = UNTOLD

    async def stream(
        self,
        messages: Sequence[ModelMessage],
        tools: Sequence[ToolSchema],
        *,
        options: Options = NO_OPTIONS,
        deadline: Deadline,
    ) -> AsyncGenerator[ModelEvent, None]:
        """As the protocol says."""
        self.asked.append(tuple(messages))
        self.limits.append(options.max_output_tokens)
        try:
            await asyncio.sleep(self.pause_s)
            for each in self.script:
                if isinstance(each, ModelError):
                    raise each
                if each == HANG:
                    await asyncio.Event().wait()
                if each == PAUSE:
                    await asyncio.sleep(PAUSE_S)
                    continue
                yield TextDelta(each)
            yield Finished("stop", self.model, 10, len(self.script))
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        """Nothing is open."""


def deployment(name: str, *script: str | ModelError, pause_s: float = 0.0, **settings: object) -> Deployment:
    """One that plays this script every time."""
    described = DeploymentSettings.model_validate({"name": name, "model": f"model-{name}", **settings})
    made = Deployment(described, ScriptedModel(described.model, list(script), pause_s))
    made.price_micros = (described.input_micros or 0) + (described.output_micros or 0)
    return made


def model_of(deployment: Deployment) -> ScriptedModel:
    """Its client."""
    assert isinstance(deployment.client, ScriptedModel)
    return deployment.client
