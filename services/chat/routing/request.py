"""What is asked of the router, and what it writes down about how that went."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from contracts.envelope import Scope
from libs.models.messages import (
    NO_OPTIONS,
    AssistantText,
    Finished,
    ModelMessage,
    Options,
    ToolCall,
    ToolSchema,
    UserText,
)
from services.chat.routing.choice import NO_WISH, Wish
from services.chat.routing.deployments import Deployment, DeploymentSettings
from services.chat.routing.seam import GO_ON


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is asked, and of whom it may be."""

    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSchema, ...] = ()
    options: Options = NO_OPTIONS
    wish: Wish = NO_WISH
    scope: Scope | None = None
    """Whose keys may be used."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One deployment that was asked, and how that went; `error` is None for the one that answered."""

    deployment: Deployment
    error: str | None
    took_s: float
    size: int = 0
    """What this one had said before it broke off: its provider may charge for it."""


@dataclass(slots=True)
class Record:
    """What the ledger wants to know afterwards; filled while the answer streams."""

    attempts: list[Attempt] = field(default_factory=list)
    asked: Deployment | None = None
    """Who was asked first; its provider has read the request, whether or not anything came of it."""
    deployment: Deployment | None = None
    """Who has begun to answer."""
    first_token_s: float | None = None
    finished: Finished | None = None
    size: int | None = None
    """What the deployment has said that is answering, or has answered; None when it has failed, or has not begun."""
    sent: ModelRequest | None = None
    """As the models saw it."""
    said: list[str] = field(default_factory=list)
    """The pieces of the answer, as its asker saw them."""
    calls: tuple[ToolCall, ...] = ()


def size_of(text: str) -> int:
    """In bytes of UTF-8: nearer to what tokens are than characters, whatever the script."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def continued(request: ModelRequest, said: Sequence[str]) -> ModelRequest:
    """The same request, told how far the answer had come."""
    if not said:
        return request
    return replace(request, messages=(*request.messages, AssistantText("".join(said)), UserText(GO_ON)))


def within_context(request: ModelRequest, settings: DeploymentSettings) -> Options:
    """Servers with little room refuse a limit of length that would not fit beside the request. What is read is an
    estimate, on the high side: a quarter of the room is always asked for."""
    room = max(settings.context_tokens - request.wish.tokens, settings.context_tokens // 4, 1)
    if (request.options.max_output_tokens or 0) <= room:
        return request.options
    return replace(request.options, max_output_tokens=room)
