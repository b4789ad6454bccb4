"""The only file that knows FastStream: the broker around the connection, the responders, the AsyncAPI document."""

from typing import Any

from faststream import AckPolicy
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from faststream.security import SASLPlaintext
from nats.aio.client import Client

from libs.bus.connection import Connection
from libs.bus.errors import CONNECTION_ERRORS
from libs.bus.request import respond
from libs.bus.routes import Route
from libs.telemetry import get_logger

log = get_logger("libs.bus")


class Broker:
    """FastStream's broker for one service, configured so that it neither declares nor retries nor acknowledges."""

    def __init__(self, connection: Connection) -> None:
        security = SASLPlaintext(connection.user, connection.password or "", use_ssl=False) if connection.user else None
        self._broker = NatsBroker(
            connection.url,
            security=security,
            ack_policy=AckPolicy.MANUAL,
            graceful_timeout=10,
            logger=None,
            # Its dependency injection costs 0.2 ms a message; the contract class says everything there is to inject.
            apply_types=False,
            specification_url="nats://localhost:4222",  # the real address may hold a password
            **connection.options(),
        )
        self._service = connection.service

    async def connect(self) -> Client:
        """Open the connection; waits for a server that is away."""
        return await self._broker.connect()

    def add_responder(self, route: Route[Any], deps: Any) -> None:
        """Answer this route's query, `route.at_once` at the same time, shared among the replicas."""
        subscriber = self._broker.subscriber(
            route.message.subject,
            queue=self._service,
            max_workers=route.at_once,
            decoder=_undecoded,
            title=route.message.__name__,
            description=route.message.__doc__,
        )

        async def answer(message: NatsMessage) -> NatsResponse:
            reply, headers = await respond(route, deps, self._service, message.headers, message.body)
            return NatsResponse(reply, headers=headers)

        subscriber(answer)

    async def start(self) -> None:
        """Begin to answer."""
        await self._broker.start()

    async def stop_answering(self) -> None:
        """Take no more queries; those begun are answered."""
        for subscriber in self._broker.subscribers:
            try:
                await subscriber.stop()
            except CONNECTION_ERRORS as error:  # the server is away: nobody asks
                log.debug("responder_stopped_offline", error=type(error).__name__)


async def _undecoded(message: NatsMessage) -> NatsMessage:
    """As it came: validating bytes is Pydantic's work, and it does it faster without a detour over dicts."""
    return message
