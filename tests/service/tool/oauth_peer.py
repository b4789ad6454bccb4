"""Stands in for the oauth service on the real bus: hands out tokens, and remembers who was refreshed.

The emulated Google takes any bearer token for its first user; which tokens are good is decided at the front.
"""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.envelope import Envelope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import AccessToken, Connections, ConnectionStatus, ConnectionView, GetAccessToken, ListConnections
from libs.testing.servers import NatsAccount
from libs.vault import TransitSeal

GOOD_TOKEN, STALE_TOKEN, REFRESHED_TOKEN = "good-token", "stale-token", "refreshed-token"


@dataclass
class OAuthPeer:
    """`connected` are the providers of every user; a stale token is one that the provider will refuse."""

    client: Client
    seal: TransitSeal
    connected: set[str] = field(default_factory=lambda: {"gmail", "calendar"})
    needs_reauthorization: set[str] = field(default_factory=set)
    hands_out_stale: bool = False
    silent_for: dict[str, asyncio.Event] = field(default_factory=dict)
    """Users whose question is heard (the event says so) and never answered."""
    asked: list[GetAccessToken] = field(default_factory=list)

    @classmethod
    async def start(cls, account: NatsAccount, seal: TransitSeal) -> "OAuthPeer":
        client = await nats.connect(account.url, user=account.user("oauth"), password=account.password("oauth"))
        peer = cls(client, seal)
        await client.subscribe(GetAccessToken.subject, queue="oauth", cb=peer._token)
        await client.subscribe(ListConnections.subject, queue="oauth", cb=peer._list)
        await client.flush()
        return peer

    def reset(self) -> None:
        self.connected, self.needs_reauthorization = {"gmail", "calendar"}, set()
        self.hands_out_stale = False
        self.silent_for.clear()
        self.asked.clear()

    @property
    def refreshes(self) -> int:
        return sum(1 for query in self.asked if query.rejected_token_expires_at)

    async def _token(self, message: Msg) -> None:
        query = GetAccessToken.model_validate_json(message.data)
        self.asked.append(query)
        if query.provider not in self.connected:
            await self._refuse(message, "connection_not_found", "Connect this account first.")
            return
        scope = Envelope.from_headers(message.headers).scope
        assert scope is not None
        if scope.user_id in self.silent_for:
            self.silent_for[scope.user_id].set()
            return
        text = STALE_TOKEN if self.hands_out_stale else GOOD_TOKEN
        if query.rejected_token_expires_at:
            text = REFRESHED_TOKEN
        sealed = self.seal.seal("access_token", scope, text)
        reply = AccessToken(sealed_token=sealed, expires_at=datetime.now(UTC) + timedelta(hours=1))
        await message.respond(reply.model_dump_json().encode())

    async def _list(self, message: Msg) -> None:
        views = (
            ConnectionView(
                connection_id=ConnectionId(new_id("cn")),
                provider=provider,
                account="owner@example.com",
                status=ConnectionStatus.REAUTHORIZATION_REQUIRED
                if provider in self.needs_reauthorization
                else ConnectionStatus.ACTIVE,
                scopes=(),
                connected_at=datetime.now(UTC),
            )
            for provider in sorted(self._connected_of(message))
        )
        await message.respond(Connections(connections=tuple(views)).model_dump_json().encode())

    def _connected_of(self, message: Msg) -> set[str]:
        """Providers of whoever asks."""
        return self.connected

    async def _refuse(self, message: Msg, slug: str, detail: str) -> None:
        body = {"slug": slug, "status": 404, "detail": detail, "advice": "Connect it.", "retryable": False}
        await self.client.publish(message.reply, json.dumps(body).encode(), headers={"adj-error": slug})
