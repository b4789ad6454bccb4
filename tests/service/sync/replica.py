"""A sync replica in a process of its own, so that it can be killed: `python -m tests.service.sync.replica`.

Reads where everything is from its standard input. Its provider holds a fixed set of items and, for each connection
named there, stops for ever at one page; it writes `held <connection>` when it does.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from libs.providers.rest import Access
from libs.providers.source import Page
from libs.runtime import Resources
from libs.testing.servers import NatsAccount, Servers, ServiceDatabase
from services.sync import schedule
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.settings import SyncSettings
from tests.conftest import Platform
from tests.service.neighbours import between_neighbours
from tests.service.sync.scripted import ScriptedProvider

ITEMS = 14
LEASE_S = 2.0


@dataclass
class HoldingProvider(ScriptedProvider):
    """Stops at the page whose number is given for a connection, counted from 1."""

    hold_at: dict[str, int] = field(default_factory=dict)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        number = 0
        async with aclosing(super().pages(access, stream, cursor, since)) as pages:
            async for page in pages:
                number += 1
                if self.hold_at.get(access.connection_id) == number:
                    sys.stdout.write(f"held {access.connection_id}\n")
                    sys.stdout.flush()
                    await asyncio.Event().wait()
                yield page


def filled(provider: ScriptedProvider) -> None:
    """What the provider holds, in every process the same."""
    for number in range(ITEMS):
        provider.put(f"{number:03}")


def described(platform: Platform, hold_at: dict[str, int]) -> str:
    """What `main` reads."""
    servers = asdict(platform.nats.servers) | {"directory": str(platform.nats.servers.directory)}
    place = {"servers": servers, "account": platform.nats.number, "database": platform.database.name}
    return json.dumps(place | {"hold_at": hold_at})


@asynccontextmanager
async def running_sync(platform: Platform, provider: ScriptedProvider) -> AsyncIterator[Any]:
    """One replica that reads this provider, with a lease short enough for a test."""
    schedule.LEASE_S = LEASE_S

    @asynccontextmanager
    async def open_scripted(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources={"scripted": provider})

    async with between_neighbours(replace(service, open=open_scripted), platform) as neighbours:
        yield neighbours


async def main() -> None:
    """Run until killed."""
    place: dict[str, Any] = json.loads(sys.stdin.readline())
    servers = Servers(**place["servers"] | {"directory": Path(place["servers"]["directory"])})
    platform = Platform(ServiceDatabase(place["database"], servers), NatsAccount(place["account"], servers))
    provider = HoldingProvider(hold_at=place["hold_at"])
    filled(provider)
    async with running_sync(platform, provider):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
