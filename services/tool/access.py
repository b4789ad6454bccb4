"""A user's token for the length of one call: asked for, used, refreshed once when the provider refuses it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from contracts.envelope import Scope
from contracts.oauth import GetAccessToken
from libs.bus import Bus
from libs.providers.errors import TokenRejected
from libs.vault import TransitSeal
from services.tool.usage import UsageBook

ResultT = TypeVar("ResultT")

TOKEN_TIMEOUT_S = 12.0
"""A refresh at the provider may be part of it."""


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """One user's way to the providers. Tokens are held in local variables only."""

    bus: Bus
    seal: TransitSeal
    scope: Scope
    usage: UsageBook

    async def use(self, provider: str, call: Callable[[str], Awaitable[ResultT]]) -> ResultT:
        """`call` with a token. Raises what oauth answers (for example: not connected) and what `call` raises.

        A token that the provider refuses although it looks valid (revoked, clock skew) is refreshed once.
        """
        token = await self._token(provider, None)
        with self.usage.counted(self.scope, provider):
            try:
                return await call(token.text)
            except TokenRejected:
                fresh = await self._token(provider, token.expires_at)
                return await call(fresh.text)

    async def _token(self, provider: str, rejected: datetime | None) -> _Token:
        query = GetAccessToken(provider=provider, rejected_token_expires_at=rejected)
        answer = await self.bus.ask(query, scope=self.scope, timeout_s=TOKEN_TIMEOUT_S)
        return _Token(self.seal.open("access_token", self.scope, answer.sealed_token), answer.expires_at)
