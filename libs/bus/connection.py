"""The one connection a service has to NATS, with every option that matters set on purpose.

Defaults of the client lose service after two minutes of outage and see a dead peer after six; here it
reconnects for ever and sees a dead peer within fifteen seconds (ping 5 s, two outstanding).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from libs.bus.errors import CONNECTION_ERRORS, BusUnavailable
from libs.bus.permissions import inbox_prefix
from libs.telemetry import get_logger

log = get_logger("libs.bus")

PUBLISH_TIMEOUT_S = 5.0
PENDING_BYTES = 4 * 1024 * 1024
"""What may wait in memory for a slow or absent server; beyond it publishing fails and the outbox waits."""
ADMINISTRATOR_PATIENCE_S = 5.0
_REFUSALS: tuple[type[BaseException], ...] = (*CONNECTION_ERRORS, nats.errors.Error, OSError)


@dataclass(slots=True)
class Connection:
    """A connection that tells who is interested when it comes back, and when it is closed for good."""

    service: str
    url: str
    user: str | None
    password: str | None
    on_closed: Callable[[], None]
    _client: Client | None = None
    _on_reconnect: list[Callable[[], None]] = field(default_factory=list)
    _closing: bool = False

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `nats.connect`, which the FastStream broker takes too."""
        return {
            "name": f"adjutant-{self.service}",
            "inbox_prefix": inbox_prefix(self.service),
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.25,
            "connect_timeout": 2,
            "ping_interval": 5,
            "max_outstanding_pings": 2,
            "pending_size": PENDING_BYTES,
            "drain_timeout": 10,
            "error_cb": self._errored,
            "disconnected_cb": self._disconnected,
            "reconnected_cb": self._reconnected,
            "closed_cb": self._closed,
        }

    def opened(self, client: Client) -> Client:
        """The connection stands for the first time."""
        self._client = client
        return client

    @property
    def client(self) -> Client:
        """The client. Raises BusUnavailable before the first connection stands."""
        if self._client is None:
            raise BusUnavailable("the message bus is not connected yet")
        return self._client

    @property
    def connected(self) -> bool:
        """Whether the server is there right now."""
        return self._client is not None and self._client.is_connected

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call this after each reconnection."""
        self._on_reconnect.append(callback)

    async def close(self) -> None:
        """Flush what is written and close; never waits longer than two seconds for an absent server."""
        self._closing = True
        client = self._client
        if client is None:
            return
        try:
            if client.is_connected:
                await client.flush(2)
            else:
                # Else `close` would write what is pending to the broken socket, fail, and leave its tasks behind.
                client._pending, client._pending_data_size = [], 0
            await client.close()
        except CONNECTION_ERRORS as error:
            log.warning("bus_flush_failed", error=type(error).__name__)
            await client.close()

    async def _errored(self, error: Exception) -> None:
        # While the server is away every attempt to reconnect is an error; that it is away was said once.
        level = log.warning if self.connected else log.debug
        level("bus_error", error=str(error) or type(error).__name__)

    async def _disconnected(self) -> None:
        if not self._closing:
            log.warning("bus_disconnected")

    async def _reconnected(self) -> None:
        log.info("bus_reconnected")
        for callback in self._on_reconnect:
            callback()

    async def _closed(self) -> None:
        if not self._closing:
            log.error("bus_closed", advice="the process ends, so that its supervisor starts a fresh one")
            self.on_closed()


def unavailable(error: BaseException) -> BusUnavailable:
    """The house's word for a connection error of the client."""
    return BusUnavailable(f"the message bus does not respond ({type(error).__name__})")


@asynccontextmanager
async def administering(
    url: str, *, user: str | None = None, password: str | None = None
) -> AsyncIterator[JetStreamContext]:
    """A short connection for operators' commands (provisioning, replaying), as the user `admin`.

    Raises BusUnavailable when the server is not there within five seconds.
    """
    credentials = {"user": user, "password": password} if user else {}
    try:
        async with asyncio.timeout(ADMINISTRATOR_PATIENCE_S):  # the client would try for two minutes
            client = await nats.connect(url, name="adjutant-admin", error_cb=_noted, **credentials)
    except _REFUSALS as error:
        raise unavailable(error) from error
    try:
        yield JetStreamContext(client, timeout=PUBLISH_TIMEOUT_S)
    finally:
        await client.close()


async def _noted(error: Exception) -> None:
    log.debug("bus_error", error=str(error) or type(error).__name__)


async def stop_listening(subscription: Subscription) -> None:
    """Unsubscribe; a connection that is gone has done so already."""
    try:
        await subscription.unsubscribe()
    except CONNECTION_ERRORS as error:
        log.debug("bus_unsubscribe_failed", error=type(error).__name__)
