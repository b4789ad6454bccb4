"""What is asked of the router, and what it writes down about how that went."""

from dataclasses import dataclass, field

from contracts.envelope import Scope
from libs.models.messages import NO_OPTIONS, Finished, ModelMessage, Options, ToolCall, ToolSchema
from services.chat.routing.choice import NO_WISH, Wish
from services.chat.routing.deployments import Deployment


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
    characters: int = 0
    """What this one had said before it broke off: its provider may charge for it."""


@dataclass(slots=True)
class Record:
    """What the ledger wants to know afterwards; filled while the answer streams."""

    attempts: list[Attempt] = field(default_factory=list)
    deployment: Deployment | None = None
    first_token_s: float | None = None
    finished: Finished | None = None
    characters: int | None = None
    """What the deployment has said that is answering, or has answered; None when it has failed, or has not begun."""
    sent: ModelRequest | None = None
    """As the models saw it."""
    said: list[str] = field(default_factory=list)
    """The pieces of the answer, as its asker saw them."""
    calls: tuple[ToolCall, ...] = ()
