"""How many tokens a request will take, without asking anybody: for reservations, which settle at the true figure.

Bytes of UTF-8 divided by three: English prose has about four a token, code and most other languages two to three, and
Chinese or Japanese about one token for each character of three bytes; so this is rarely too low. Each message costs a
few tokens of its own.
"""

import json
from collections.abc import Sequence

from libs.models.messages import AssistantText, ModelMessage, ToolSchema
from services.chat.routing.request import size_of

BYTES_A_TOKEN = 3
TOKENS_A_MESSAGE = 6


def tokens_of_text(text: str) -> int:
    """At least one."""
    return size_of(text) // BYTES_A_TOKEN + 1


def tokens_of(messages: Sequence[ModelMessage], tools: Sequence[ToolSchema]) -> int:
    """Of everything that is sent."""
    total = 0
    for message in messages:
        total += TOKENS_A_MESSAGE + tokens_of_text(message.text)
        if isinstance(message, AssistantText):
            total += sum(tokens_of_text(call.name + call.arguments) for call in message.tool_calls)
    for tool in tools:
        total += tokens_of_text(tool.name + tool.description + json.dumps(tool.parameters))
    return total
