"""How the tests ask a model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.models import Deployment, open_deployment
from libs.models.messages import Finished, ModelEvent, ModelMessage, SystemText, TextDelta, ToolSchema, UserText
from libs.resilience.deadline import Deadline

DAY = {"type": "object", "properties": {"day": {"type": "string"}}}
TOOLS = (ToolSchema("calendar_list", "List the events of a day.", DAY),)


@asynccontextmanager
async def deployment(url: str, *, key: str = "k", first_token_s: float = 2.0) -> AsyncIterator[Deployment]:
    """A model at this address."""
    async with open_deployment(url, key, "gpt-test", first_token_s=first_token_s) as made:
        yield made


async def ask(
    model: Deployment, *messages: ModelMessage | str, tools: tuple[ToolSchema, ...] = TOOLS, within_s: float = 10.0
) -> list[ModelEvent]:
    """Everything the model says."""
    said = tuple(UserText(message) if isinstance(message, str) else message for message in messages)
    stream = model.stream((SystemText("Be brief."), *said), tools, deadline=Deadline.after(within_s))
    return [event async for event in stream]


def text_of(events: list[ModelEvent]) -> str:
    """What the user would have seen."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: list[ModelEvent]) -> Finished:
    """The last event."""
    assert isinstance(events[-1], Finished)
    return events[-1]
