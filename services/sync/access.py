"""A connection's token for the length of a run, and the pauses its provider asked for. Tokens are never stored."""

import asyncio
import time
from collections import OrderedDict
from datetime import datetime

from contracts.envelope import Scope
from contracts.ids import ConnectionId
from contracts.oauth import GetAccessToken
from libs.bus import Bus
from libs.providers.errors import ProviderBusy
from libs.providers.rest import Access
from libs.vault import TransitSeal

TOKEN_TIMEOUT_S = 12.0
"""A refresh at the provider may be part of it."""
LONGEST_WAIT_S = 5.0
"""A longer pause ends the run; the schedule goes on with it."""
REMEMBERED = 10_000


class Tokens:
    """Asked of oauth when first needed, and again when the provider refuses it."""

    def __init__(self, bus: Bus, seal: TransitSeal, scope: Scope, provider: str, connection_id: ConnectionId) -> None:
        self._bus = bus
        self._seal = seal
        self._scope = scope
        self._provider = provider
        self._connection_id = connection_id
        self._access: Access | None = None
        self._expires_at: datetime | None = None

    async def access(self) -> Access:
        """Raises what oauth answers: not connected, to be authorised again, away."""
        return self._access or await self._ask(None)

    async def renewed(self) -> Access:
        """Another token than the one the provider has just refused."""
        return await self._ask(self._expires_at)

    async def _ask(self, rejected: datetime | None) -> Access:
        query = GetAccessToken(provider=self._provider, rejected_token_expires_at=rejected)
        answer = await self._bus.ask(query, scope=self._scope, timeout_s=TOKEN_TIMEOUT_S)
        self._expires_at = answer.expires_at
        token = self._seal.open("access_token", self._scope, answer.sealed_token)
        self._access = Access(token, self._connection_id)
        return self._access


class RunPace:
    """`libs.providers.rest.Pace` of one process. A connection is synced by one replica at a time, and a pause that
    outlasts the run becomes its next date in the schedule, which all replicas share."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def ready(self, provider: str, connection_id: str) -> None:
        """Waits out a short pause. Raises ProviderBusy for a longer one."""
        left_s = self._until.get((provider, connection_id), 0.0) - time.monotonic()
        if left_s > LONGEST_WAIT_S:
            raise ProviderBusy("The provider asked for a pause.", retry_after_s=left_s)
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def pause(self, provider: str, connection_id: str, seconds: float) -> None:
        """Nothing is asked for so long."""
        self._until[provider, connection_id] = time.monotonic() + seconds
        self._until.move_to_end((provider, connection_id))
        if len(self._until) > REMEMBERED:
            self._until.popitem(last=False)
