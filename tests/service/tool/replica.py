"""A tool replica in a process of its own, so that it can be killed: `python -m tests.service.tool.replica`.

Reads the description of where everything is from its standard input and writes `ready` when it takes commands.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from libs.testing.servers import NatsAccount, Servers, ServiceDatabase
from tests.conftest import Platform
from tests.service.tool.world import running_tool


def described(platform: Platform, api: str) -> str:
    """What `main` reads."""
    servers = asdict(platform.nats.servers) | {"directory": str(platform.nats.servers.directory)}
    place = {"servers": servers, "account": platform.nats.number, "database": platform.database.name, "api": api}
    return json.dumps(place)


async def main() -> None:
    """Run until killed."""
    place: dict[str, Any] = json.loads(sys.stdin.readline())
    servers = Servers(**place["servers"] | {"directory": Path(place["servers"]["directory"])})
    platform = Platform(ServiceDatabase(place["database"], servers), NatsAccount(place["account"], servers))
    async with running_tool(platform, place["api"]):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
