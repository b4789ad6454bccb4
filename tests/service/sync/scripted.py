"""A provider that a test plays, behind the port that real ones are behind: what it holds, and how it fails.

No third-party server plays every failure at every page on demand, so this one is ours; the sources of real providers
are tested against emulators and descriptions of their own.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.providers.errors import CursorExpired, TokenRejected
from libs.providers.rest import Access
from libs.providers.source import Item, Kind, Page, Stream
from libs.resilience.errors import AdjutantError
from tests.service.tool.oauth_peer import STALE_TOKEN

PAGE_SIZE = 3
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass
class ScriptedProvider:
    """`put` and `remove` change it; `faults` are raised at the next pages, one each (None: that page is fine)."""

    provider: str = "scripted"
    tells_deletions: bool = True
    faults: list[AdjutantError | None] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Awaited before the second page of a call."""
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)
    meanwhile: Callable[[], None] | None = None
    """Called before each page: what others do while a run reads."""
    sent: list[str] = field(default_factory=list)
    """External ids in the order in which they were handed out."""
    forgotten: int = 0
    """Cursors into the log before this position have expired."""
    _truth: dict[str, dict[str, Item]] = field(default_factory=lambda: defaultdict(dict))
    _log: list[tuple[str, str]] = field(default_factory=list)

    def put(self, id: str, stream: str = "inbox") -> None:
        """It is new, or it has changed."""
        self._log.append((stream, id))
        at = BEGAN + timedelta(minutes=int(id) if id.isdigit() else 0)
        version = str(len(self._log)).zfill(8)
        self._truth[stream][id] = Item(id, Kind.MAIL, at, f"Subject {id} {version}", version, actor="Sarah")

    def remove(self, id: str, stream: str = "inbox") -> None:
        """It is gone."""
        self._log.append((stream, id))
        del self._truth[stream][id]

    def forget_history(self) -> None:
        """All cursors given so far expire."""
        self._log.append(("", ""))
        self.forgotten = len(self._log)

    def truth(self) -> dict[str, str]:
        """Title by id, of everything there is."""
        return {id: item.title for stream in self._truth.values() for id, item in stream.items()}

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """As the port says."""
        self._check(access)
        return tuple(Stream(id, id, self.tells_deletions) for id in sorted(self._truth) if self._truth[id])

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """A listing in the order of ids, then the changes since it began."""
        at = json.loads(cursor) if cursor else {"after": "", "log": len(self._log)}
        first = True
        while at is not None:
            if not first and self.gate:
                self.at_gate.set()
                await self.gate.wait()
            first = False
            if self.meanwhile:
                self.meanwhile()
            self._check(access)
            if at["log"] < self.forgotten:
                raise CursorExpired("forgotten")
            page, at = self._listed(stream, at) if "after" in at else self._changed(stream, at)
            if self.faults and (fault := self.faults.pop(0)) is not None:
                raise fault
            self.sent += [item.external_id for item in page.items]
            yield page

    def _listed(self, stream: str, at: dict[str, str | int]) -> tuple[Page, dict[str, str | int]]:
        ids = [id for id in sorted(self._truth[stream]) if id > str(at["after"])][:PAGE_SIZE]
        after = {"after": ids[-1], "log": at["log"]} if len(ids) == PAGE_SIZE else {"log": at["log"]}
        return Page(tuple(self._truth[stream][id] for id in ids), (), json.dumps(after)), after

    def _changed(self, stream: str, at: dict[str, int]) -> tuple[Page, dict[str, int] | None]:
        log = self._log[at["log"] : at["log"] + PAGE_SIZE]
        ids = dict.fromkeys(id for of, id in log if of == stream)
        there = self._truth[stream]
        gone = tuple(id for id in ids if id not in there) if self.tells_deletions else ()
        position = at["log"] + len(log)
        page = Page(tuple(there[id] for id in ids if id in there), gone, json.dumps({"log": position}))
        return page, {"log": position} if position < len(self._log) else None

    def _check(self, access: Access) -> None:
        if access.token == STALE_TOKEN:
            raise TokenRejected("The provider does not like this token.")
