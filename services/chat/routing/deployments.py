"""Deployments: a model at an address with a key, as an operator describes it, and the client that speaks to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from libs.models import ModelClient, open_client
from services.chat.routing.health import Health

Provider = Literal["openai", "openai_responses", "anthropic", "gemini", "openai_compatible"]


class DeploymentSettings(BaseModel):
    """One entry of `ADJUTANT_CHAT_DEPLOYMENTS`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), hide_input_in_errors=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")
    """What operators, metrics and the ledger call it; unique."""
    provider: Provider = "openai_compatible"
    kind: Literal["chat", "embeddings"] = "chat"
    model: str
    """As the provider calls it."""
    base_url: str = ""
    """Root of the API; empty: the vendor's own."""
    api_key: SecretStr = SecretStr("")
    key_from: Literal["settings", "vault"] = "settings"
    """`vault`: asked with the key that the user or their organization has brought (POST /api/integrations/keys)."""
    quality: int = Field(5, ge=1, le=10)
    """How good its answers are; a policy may ask for a floor."""
    weight: float = Field(1.0, gt=0)
    """Its share of the requests among deployments that are otherwise equal."""
    input_micros: int | None = Field(None, ge=0)
    """Millionths of a dollar for a million tokens read; unset: the dated price table."""
    output_micros: int | None = Field(None, ge=0)
    """The same for tokens written."""
    cached_input_micros: int | None = Field(None, ge=0)
    """The same for tokens read from the provider's prompt cache; unset: as those read."""
    cache_write_micros: int | None = Field(None, ge=0)
    """The same for tokens written to the provider's prompt cache; unset: as those read."""
    context_tokens: int = Field(128_000, ge=1)
    takes_tools: bool = True
    order: int = 0
    """Deployments with a lower one are tried first, whatever else speaks for the others."""

    @model_validator(mode="after")
    def _can_make_vectors(self) -> Self:
        """A key must never go to another vendor than its own, as OpenAI's address for everything would let it."""
        if self.kind == "embeddings":
            if self.provider not in ("openai", "openai_compatible") or self.key_from == "vault":
                raise ValueError("embeddings: `provider` openai or openai_compatible, with a key from the settings")
            if self.provider == "openai_compatible" and not self.base_url:
                raise ValueError("embeddings of an openai_compatible provider need a base_url")
        return self


@dataclass(slots=True)
class Deployment:
    """One that can be asked."""

    settings: DeploymentSettings
    client: ModelClient
    health: Health = field(default_factory=Health)
    price_micros: int = 0
    """Of a typical request, to compare with others."""

    @property
    def name(self) -> str:
        """Its own."""
        return self.settings.name


@asynccontextmanager
async def open_deployments(
    described: Sequence[DeploymentSettings], first_token_s: float
) -> AsyncIterator[tuple[Deployment, ...]]:
    """Clients whose connections last as long as the block. Raises ValueError when two have one name."""
    names = [each.name for each in described]
    if len(set(names)) != len(names):
        raise ValueError("two deployments have the same name")
    async with AsyncExitStack() as stack:
        opened = []
        for each in described:
            # The SDKs take seconds to import: not on the event loop.
            client = await asyncio.to_thread(
                open_client,
                each.provider if each.kind == "chat" else "embeddings",
                each.base_url,
                each.api_key.get_secret_value(),
                each.model,
                first_token_s=first_token_s,
            )
            stack.push_async_callback(client.aclose)
            opened.append(Deployment(each, client))
        yield tuple(opened)
