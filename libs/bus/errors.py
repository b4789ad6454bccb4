"""How the bus fails.

    AdjutantError
    ├── Unavailable
    │   ├── BusUnavailable        NATS is away, or did not confirm in time
    │   ├── ServiceUnavailable    nobody answers a query, or not in time; slug `<service>_unavailable`
    │   └── LiveGap               live messages are gone for good; read the state instead
    ├── RemoteError               what another service answered instead of a reply
    └── Internal
        ├── TopologyDrift         streams or consumers differ from the contracts: run `adjutant migrate`
        └── MalformedMessage      body or envelope does not fit its contract; never retried

Exceptions of the NATS client are translated here and nowhere else.
"""

import asyncio

import nats.errors
import nats.js.errors
from pydantic import BaseModel

from contracts.envelope import Service
from libs.resilience.errors import AdjutantError, Internal, Unavailable

OURS_AWAY = frozenset(f"{name}_unavailable" for name in (*Service, "database", "bus"))
"""Slugs of what a restart of our own looks like: worth waiting for some seconds, unlike a provider's outage."""

CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.NoServersError,
    nats.errors.OutboundBufferLimitError,
    nats.errors.StaleConnectionError,
    nats.errors.TimeoutError,
    nats.errors.NoRespondersError,
    nats.js.errors.NoStreamResponseError,
    nats.js.errors.ServiceUnavailableError,
    nats.js.errors.TooManyStalledMsgsError,
    asyncio.TimeoutError,
    ConnectionError,
)
"""What the client raises while the server is away, restarting or electing: trying again with the same id helps."""


class BusUnavailable(Unavailable):
    """NATS is away or does not confirm. What was written to the outbox is kept and sent later."""

    slug = "bus_unavailable"


class ServiceUnavailable(Unavailable):
    """No replica of a service answered in time."""

    slug: str  # type: ignore[misc]  # one class for eight services: the slug names the one that is away

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = f"{service}_unavailable"


class LiveGap(Unavailable):
    """Some live messages are lost, for instance because NATS restarted. The finished state is in the database."""

    slug = "live_gap"
    advice = "Read the present state; the missing part of the stream is not coming."


class TopologyDrift(Internal):
    """What NATS has differs from what the contracts say."""

    slug = "topology_drift"
    advice = "Run `adjutant migrate`, then start the service again."


class MalformedMessage(Internal):
    """A message that does not fit its contract, and will not fit next time either."""

    slug = "malformed_message"


class ErrorBody(BaseModel):
    """An error on its way back to the asker: the body of a reply that carries the header `adj-error`."""

    slug: str
    status: int
    detail: str
    advice: str
    retryable: bool
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: AdjutantError) -> "ErrorBody":
        """What the asker may know about an error."""
        return cls(
            slug=error.slug,
            status=error.status,
            detail=error.detail,
            advice=error.advice,
            retryable=error.retryable,
            retry_after_s=error.retry_after_s,
        )


class RemoteError(AdjutantError):
    """An error that another service answered with. Its slug, status and advice are that service's."""

    slug: str  # type: ignore[misc]  # these four are the sender's, not the class's
    status: int  # type: ignore[misc]
    retryable: bool  # type: ignore[misc]
    advice: str  # type: ignore[misc]

    def __init__(self, body: ErrorBody) -> None:
        super().__init__(body.detail, retry_after_s=body.retry_after_s)
        self.slug, self.status, self.retryable, self.advice = body.slug, body.status, body.retryable, body.advice
