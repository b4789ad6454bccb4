"""What a model does not get to see: replaced in everything that is sent, put back into everything that comes.

Also into the arguments of calls: a tool is given the real address, the model never knew it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from contracts.envelope import Scope
from libs.models.messages import AssistantText, ModelEvent, ModelMessage, TextDelta, ToolCall, ToolCalls
from libs.privacy import Kind, Restorer, Scrubber, restored_json
from libs.vault import MasterKeys
from services.chat.routing.request import ModelRequest


@dataclass(frozen=True, slots=True)
class Veiled:
    """A request without what was replaced, and what that was."""

    request: ModelRequest
    values: dict[str, str]

    async def lifted(self, events: AsyncGenerator[ModelEvent, None]) -> AsyncGenerator[ModelEvent, None]:
        """The answer, with everything put back; nothing is held back but the beginning of a placeholder."""
        async with aclosing(events):
            if not self.values:
                async for event in events:
                    yield event
                return
            restorer = Restorer(self.values)
            async for event in events:
                if isinstance(event, TextDelta):
                    if text := restorer.feed(event.text):
                        yield TextDelta(text)
                    continue
                if rest := restorer.end():
                    yield TextDelta(rest)
                yield self._with_values(event)

    def _with_values(self, event: ModelEvent) -> ModelEvent:
        if not isinstance(event, ToolCalls):
            return event
        return ToolCalls(tuple(self._real(call) for call in event.calls))

    def _real(self, call: ToolCall) -> ToolCall:
        return replace(call, arguments=restored_json(call.arguments, self.values))


class Veil:
    """Which kinds are replaced; and with a key per user, so that a value has one placeholder in all their turns."""

    def __init__(self, keys: MasterKeys, kinds: frozenset[Kind]) -> None:
        self._keys = keys
        self._kinds = kinds

    def over(self, request: ModelRequest, scope: Scope) -> Veiled:
        """The request as the model may see it."""
        if not self._kinds:
            return Veiled(request, {})
        owner = ("placeholders", scope.organization_id, scope.user_id)
        scrubber = Scrubber(self._keys.derive(self._keys.current_id, owner), self._kinds)
        messages = tuple(_scrubbed(message, scrubber) for message in request.messages)
        return Veiled(replace(request, messages=messages), scrubber.values)


def _scrubbed(message: ModelMessage, scrubber: Scrubber) -> ModelMessage:
    clean = replace(message, text=scrubber.scrub(message.text))
    if isinstance(clean, AssistantText) and clean.tool_calls:
        calls = tuple(replace(call, arguments=scrubber.scrub(call.arguments)) for call in clean.tool_calls)
        return replace(clean, tool_calls=calls)
    return clean
