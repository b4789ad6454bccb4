"""A tool is one typed function with a data sheet. To add one: a function, an arguments class, a line in `tools`."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.actions import PreviewField
from contracts.tool import Effect, ToolDescription, Tools
from services.tool.arguments import Arguments, explained
from services.tool.consent_facts import TELLS, Facts, facts_of, house_of
from services.tool.context import Context
from services.tool.errors import NotAReadTool, UnknownTool

ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


class Audience(StrEnum):
    """For whom a tool is: nobody else is told of it, and nobody else can call it."""

    OWNER = "owner"
    DELEGATION = "delegation"
    """An outsider who came by a link; acts on the owner's calendar within the link's terms."""
    SERVICE = "service"
    """No model: a step of the service itself, that goes through the ledger."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[ArgumentsT]):
    """The data sheet. `needs` are the providers without which it is useless: all of them, or with `any_will_do` one."""

    name: str
    description: str
    effect: Effect
    arguments: type[ArgumentsT]
    run: Callable[[ArgumentsT, Context], Awaitable[BaseModel]]
    needs: frozenset[str]
    returns_untrusted_text: bool
    any_will_do: bool = False
    audience: Audience = Audience.OWNER
    look_up: Callable[[ArgumentsT, Context], Awaitable[BaseModel | None]] | None = None
    """For effects: finds at the provider what an earlier `run` with the same execution id achieved."""
    shown: Callable[[ArgumentsT, Context], Awaitable[tuple[PreviewField, ...]]] | None = None
    """For effects on what is named by an id (`Facts.acts_on`): what a person knows that by, its name first.
    The texts may be an outsider's."""

    def __post_init__(self) -> None:
        if (self.effect is not Effect.READ) != (self.look_up is not None):
            raise TypeError(f"{self.name}: an effect needs a look-up, and only an effect")

        if bool(self.facts.acts_on) != (self.shown is not None):
            raise TypeError(f"{self.name}: names are looked up for what it acts on, and only for that")

    @property
    def facts(self) -> Facts:
        """What consent knows of it."""
        return facts_of(self.name)

    def parse(self, arguments_json: str) -> ArgumentsT:
        """Raises InvalidArguments with a sentence on which the model can act."""
        try:
            return self.arguments.model_validate_json(arguments_json)
        except ValidationError as error:
            raise explained(self.name, error, self.arguments) from None  # the cause quotes the arguments

    def is_usable_with(self, connected: frozenset[str]) -> bool:
        """Whether these connections suffice."""
        return bool(self.needs & connected) if self.any_will_do else self.needs <= connected

    def describe(self) -> ToolDescription:
        """As a model sees it."""
        return ToolDescription(
            name=self.name,
            description=self.description,
            effect=self.effect,
            parameters_schema=json.dumps(parameters_schema(self.arguments)),
            returns_untrusted_text=self.returns_untrusted_text,
            recipients=self.facts.recipients,
            asked_with=self.facts.asked_with,
            tells=TELLS.get(self.name, ()),
            house=house_of(self.needs),
        )


class Registry:
    """All tools by name."""

    def __init__(self, tools: Iterable[Tool[Any]]) -> None:
        self._tools: Mapping[str, Tool[Any]] = MappingProxyType({tool.name: tool for tool in tools})

    def find(self, name: str, audience: Audience = Audience.OWNER) -> Tool[Any]:
        """Raises UnknownTool, also for a tool that is for somebody else."""
        known = {tool.name: tool for tool in self._for(audience)}
        if name not in known:
            raise UnknownTool(f"There is no such tool. The tools are: {', '.join(known)}.")
        return known[name]

    def names(self, audience: Audience = Audience.OWNER) -> tuple[str, ...]:
        """Of all tools for this audience."""
        return tuple(tool.name for tool in self._for(audience))

    def find_read(self, name: str, audience: Audience = Audience.OWNER) -> Tool[Any]:
        """Raises UnknownTool, NotAReadTool."""
        tool = self.find(name, audience)
        if tool.effect is not Effect.READ:
            raise NotAReadTool(f"{tool.name} changes something; it runs as an execution.")
        return tool

    def for_connections(self, connected: frozenset[str], audience: Audience = Audience.OWNER) -> Tools:
        """What these connections allow this audience, and what would allow more."""
        tools = self._for(audience)
        usable = tuple(_described(tool) for tool in tools if tool.is_usable_with(connected))
        wanted = frozenset().union(*(tool.needs for tool in tools))
        return Tools(tools=usable, missing_providers=tuple(sorted(wanted - connected)))

    def _for(self, audience: Audience) -> list[Tool[Any]]:
        return [tool for tool in self._tools.values() if tool.audience is audience]


@cache
def _described(tool: Tool[Any]) -> ToolDescription:
    """Once for each tool: every turn asks for all of them, and their schemas take 6 to 15 ms to write."""
    return tool.describe()


def parameters_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema as function calling wants it: no titles, no null branches, nothing but the named arguments."""
    schema = arguments.model_json_schema()
    properties = {name: _plain(field) for name, field in schema.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """An optional argument is one that may be left out; a second way to say so confuses smaller models."""
    kept = {key: value for key, value in field.items() if key not in ("title", "anyOf") and value is not None}
    for branch in field.get("anyOf", ()):
        if branch.get("type") != "null":
            kept = {**branch, **kept}
    return kept
