"""How the tests ask a model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from libs.models.messages import Finished, ModelEvent, ModelMessage, SystemText, TextDelta, ToolSchema, UserText
from libs.resilience.deadline import Deadline
from services.chat.routing.deployments import DeploymentSettings, open_deployments
from services.chat.routing.request import ModelRequest
from services.chat.routing.router import Router

DAY = {"type": "object", "properties": {"day": {"type": "string"}}}
TOOLS = (ToolSchema("calendar_list", "List the events of a day.", DAY),)


@asynccontextmanager
async def deployment(url: str, *, key: str = "k", first_token_s: float = 2.0) -> AsyncIterator[Router]:
    """A model at this address, behind the router: tried again while nothing was seen of the answer."""
    described = DeploymentSettings(name="only", model="gpt-test", base_url=url, api_key=SecretStr(key))
    async with open_deployments((described,), first_token_s) as deployments:
        router = Router(deployments)
        yield router
        await router.aclose()


async def ask(
    model: Router, *messages: ModelMessage | str, tools: tuple[ToolSchema, ...] = TOOLS, within_s: float = 10.0
) -> list[ModelEvent]:
    """Everything the model says."""
    said = tuple(UserText(message) if isinstance(message, str) else message for message in messages)
    request = ModelRequest((SystemText("Be brief."), *said), tools)
    return [event async for event in model.stream(request, Deadline.after(within_s))]


def text_of(events: list[ModelEvent]) -> str:
    """What the user would have seen."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: list[ModelEvent]) -> Finished:
    """The last event."""
    assert isinstance(events[-1], Finished)
    return events[-1]
