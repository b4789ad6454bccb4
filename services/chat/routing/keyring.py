"""Keys that users and organizations bring: a deployment that has none of its own is asked with theirs.

A key is fetched from the vault when it is first needed, and remembered for a minute. When its provider refuses it, the
one that is being replaced may still work: it is asked for by saying which one was refused.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from contracts.envelope import Scope
from contracts.oauth import GetSuppliedKey, SuppliedKey
from libs.bus import Bus, RemoteError
from libs.models import ModelClient, open_client
from libs.models.errors import ModelRefusedKey, ModelUnavailable
from libs.resilience.errors import Unavailable
from libs.vault import TransitSeal
from services.chat.routing.deployments import DeploymentSettings

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

REMEMBERED_S = 60.0
MOST = 1_000
"""Keys, and clients with open connections, at a time: those that were used last."""
NO_KEY = "not_connected"


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    id: str
    until: float


class Keyring:
    """Clients by deployment and key."""

    def __init__(self, bus: Bus, seal: TransitSeal, first_token_s: float) -> None:
        self._bus = bus
        self._seal = seal
        self._first_token_s = first_token_s
        self._keys: OrderedDict[tuple[Scope, str], _Key] = OrderedDict()
        self._clients: OrderedDict[tuple[str, str], ModelClient] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def client(
        self, settings: DeploymentSettings, scope: Scope, refused: tuple[str, ...] = ()
    ) -> tuple[ModelClient, str]:
        """A client with the user's key, or the organization's, and the key's id. Raises ModelRefusedKey without one,
        ModelUnavailable without the vault."""
        place = scope, settings.provider
        known = self._keys.get(place)
        if known and known.until > time.monotonic() and known.id not in refused:
            client = self._clients.get((settings.name, known.id))
            if client is not None:
                self._clients.move_to_end((settings.name, known.id))
                return client, known.id
        try:
            found = await self._bus.ask(
                GetSuppliedKey(provider=settings.provider, refused_key_ids=refused), scope=scope
            )
        except RemoteError as error:
            if error.slug != NO_KEY:
                raise ModelUnavailable("The key for this model cannot be read just now.") from error
            raise ModelRefusedKey("Nobody has brought a key that this model's provider accepts.") from error
        except Unavailable as away:
            raise ModelUnavailable("The key for this model cannot be read just now.") from away
        self._keep(self._keys, place, _Key(found.key_id, time.monotonic() + REMEMBERED_S))
        return await self._client(settings, scope, found), found.key_id

    async def _client(self, settings: DeploymentSettings, scope: Scope, found: SuppliedKey) -> ModelClient:
        place = settings.name, found.key_id
        if (client := self._clients.get(place)) is not None:
            return client
        made = await asyncio.to_thread(
            open_client,
            settings.provider,
            settings.base_url,
            self._seal.open("supplied_key", scope, found.sealed_key),
            settings.model,
            first_token_s=self._first_token_s,
        )
        if (client := self._clients.get(place)) is not None:
            self._close_soon(made)  # another request was faster
            return client
        if dropped := self._keep(self._clients, place, made):
            self._close_soon(dropped)
        return made

    async def aclose(self) -> None:
        """Close everything."""
        await asyncio.gather(*self._closing, *(client.aclose() for client in self._clients.values()))

    def _keep(self, kept: OrderedDict[KeyT, ValueT], key: KeyT, value: ValueT) -> ValueT | None:
        kept[key] = value
        kept.move_to_end(key)
        return kept.popitem(last=False)[1] if len(kept) > MOST else None

    def _close_soon(self, client: ModelClient) -> None:
        task = asyncio.create_task(client.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
