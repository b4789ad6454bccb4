"""The small Graph server of ours, as the tests of Outlook's tools use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.service.providers.graph_server import GraphServer, behind
from tests.service.providers.vendor_server import Told, Vendor, vendor


@dataclass
class Microsoft:
    """The server; a fresh one for each test."""

    vendor: Vendor
    graph: GraphServer

    def renew(self, known_as: str) -> None:
        """Everything anew. `known_as`: Graph names next pages under the address it is known by."""
        self.graph = behind(self.vendor)
        self.graph.mailbox.base = self.graph.agenda.base = known_as
        self.vendor.asked.clear()


@asynccontextmanager
async def running_microsoft() -> AsyncIterator[Microsoft]:
    """Listening at `.vendor.url`."""
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield Microsoft(running, behind(running))


def written(at: datetime) -> str:
    """As Graph writes a moment."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
