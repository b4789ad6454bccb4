"""What every adapter is, and which one speaks to which provider."""

from collections.abc import AsyncGenerator, Sequence
from importlib import import_module
from typing import Protocol, cast

from libs.models.headroom import Headroom
from libs.models.messages import ModelEvent, ModelMessage, Options, ToolSchema
from libs.resilience.deadline import Deadline


class ModelClient(Protocol):
    """One model at one server. Raises leaves of `libs.models.errors.ModelError` only."""

    @property
    def model(self) -> str:
        """As the provider calls it."""
        ...

    @property
    def headroom(self) -> Headroom:
        """What the provider would still take, by its last answer."""
        ...

    def stream(
        self,
        messages: Sequence[ModelMessage],
        tools: Sequence[ToolSchema],
        *,
        options: Options = ...,
        deadline: Deadline,
    ) -> AsyncGenerator[ModelEvent, None]:
        """One answer: text as it comes, then the calls if there are any, then Finished."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""


_ADAPTERS = {
    "openai": ("openai_compatible", "OpenAICompatible", "https://api.openai.com/v1"),
    "openai_compatible": ("openai_compatible", "OpenAICompatible", ""),
    "embeddings": ("embeddings", "EmbeddingModel", "https://api.openai.com/v1"),
    "openai_responses": ("openai_responses", "OpenAIResponses", "https://api.openai.com/v1"),
    "anthropic": ("anthropic_messages", "AnthropicMessages", "https://api.anthropic.com"),
    "gemini": ("gemini", "Gemini", "https://generativelanguage.googleapis.com"),
}


def open_client(provider: str, base_url: str, api_key: str, model: str, *, first_token_s: float) -> ModelClient:
    """The adapter of a provider; its module, and the SDK behind it, are imported now. Raises KeyError, ValueError."""
    module, name, default_url = _ADAPTERS[provider]
    url = base_url or default_url
    if not url:
        raise ValueError(f"a deployment of {provider} needs a base_url")
    adapter = getattr(import_module(f"libs.models.{module}"), name)
    return cast(ModelClient, adapter(url, api_key, model, first_token_s=first_token_s))
