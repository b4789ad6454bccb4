"""One real service between neighbours that the test plays: it emits their events, asks as they would, and listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.envelope import Envelope, Event, Query, Reply, Scope
from contracts.ids import new_id
from libs.bus import Bus
from libs.bus.subjects import stream_for, subject_for
from libs.db import Database
from libs.runtime import PlatformSettings, Resources, Service
from libs.vault import MasterKeys, TransitSeal, Vault
from tests.conftest import Platform

EventT = TypeVar("EventT", bound=Event)
ReplyT = TypeVar("ReplyT", bound=Reply)

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Everybody around the service under test. `gateway` and `chat` ask with their own credentials."""

    admin: Bus
    askers: dict[str, Bus]
    db: Database
    """The database of the service under test, for what only its tables can tell."""

    async def emit(self, event: Event, scope: Scope, *, event_id: str | None = None) -> str:
        """What the event's owner would publish; returns the event id."""
        envelope = Envelope.around(type(event), source=str(event.owner()), scope=scope, id=event_id)
        subject, stream = subject_for(type(event), scope), stream_for(type(event))
        headers = {**envelope.headers(), "Nats-Msg-Id": new_id("evt")}  # a redelivery is not a duplicate publication
        await self.admin.jetstream.publish(subject, event.model_dump_json().encode(), stream=stream, headers=headers)
        return envelope.id

    async def ask(self, query: Query[ReplyT], scope: Scope) -> ReplyT:
        """As the first service that the contract names as asker."""
        return await self.askers[type(query).asked_by[0]].ask(query, scope=scope, timeout_s=5)

    async def handle(self, event: Event, scope: Scope) -> None:
        """Emit the event and wait until the service has handled it."""
        event_id = await self.emit(event, scope)

        async def handled() -> bool:
            async with self.db.reading(None) as tx:
                return bool(await tx.fetchval("select 1 from inbox where event_id = $1", event_id))

        await eventually(handled)

    async def heard(self, event: type[EventT], scope: Scope, *, count: int = 1) -> list[EventT]:
        """The service's own events of this kind for this user, once there are `count` of them."""
        subscription = await self.admin.jetstream.subscribe(
            subject_for(event, scope), stream=stream_for(event), ordered_consumer=True
        )
        try:
            messages = [await subscription.next_msg(PATIENCE_S) for _ in range(count)]
        finally:
            await subscription.unsubscribe()
        return [event.model_validate_json(message.data) for message in messages]


async def eventually(condition: Any, *, timeout_s: float = PATIENCE_S) -> Any:
    """Await the condition until it gives something true, and return that."""
    async with asyncio.timeout(timeout_s):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def between_neighbours(
    service: Service[Any, Any], platform: Platform, **settings: Any
) -> AsyncIterator[Neighbours]:
    """Run the service as the runtime would, with its own role and its own NATS user."""
    db = await Database.connect(platform.database.url(service.name), service.name, wait_s=10)
    buses = {name: _bus(name, platform) for name in {service.name, "gateway", "chat", "oauth"}}
    admin = await platform.nats.admin()
    for bus in buses.values():
        await bus.connect()
    keys = MasterKeys.from_text(platform.master_keys)
    resources = Resources(
        settings=service.settings.explicit(**settings),
        platform=PlatformSettings.explicit(),
        db=db,
        bus=buses[service.name],
        vault=Vault(keys),
        seal=TransitSeal(keys),
        master_keys=keys,
        stopping=asyncio.Event(),
    )
    async with service.open(resources) as deps:
        await buses[service.name].start(service.routes, deps, db)
        # An answer on the same connection: the server knows the service's subscriptions by now.
        await buses[service.name].jetstream.stream_info(f"EVT_{service.name.upper()}")
        yield Neighbours(admin, buses, db)
        await buses[service.name].stop(grace_s=5)
    for bus in (*buses.values(), admin):
        await bus.close()
    await db.close()


def _bus(name: str, platform: Platform) -> Bus:
    account = platform.nats
    return Bus(name, account.url, user=account.user(name), password=account.password(name))
