"""One run: every stream of a source, page by page, until its copy is the provider's present.

SyncSource ──► claim ──► streams ──► pages, each saved with its cursor ──► settle: log, next date, events
                 │ runs elsewhere: it will run once more           │ kill -9: the lease ends, goes on at the cursor
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from contracts.envelope import Scope
from contracts.sync import ActivityRecorded, SyncSource
from libs.bus import publish
from libs.db import Transaction
from libs.providers.call_count import CallCount
from libs.providers.errors import (
    CursorExpired,
    EntityNotFound,
    PermissionMissing,
    ProviderUnavailable,
    RequestRefused,
    TokenRejected,
)
from libs.providers.rest import Access
from libs.providers.source import Page, Source, Stream
from libs.resilience.errors import AdjutantError
from libs.telemetry import get_logger
from services.sync import activities, leftovers, progress, schedule, streams
from services.sync.access import Tokens
from services.sync.deps import Sync
from services.sync.errors import RunLost
from services.sync.recovery import TRIES, pause_before_try
from services.sync.streams import Place

log = get_logger("services.sync")

ResultT = TypeVar("ResultT")
_OF_ONE_STREAM = (PermissionMissing, EntityNotFound, RequestRefused, CursorExpired, ProviderUnavailable)


@dataclass(slots=True)
class Run:
    """A run that is ours as long as the fence holds."""

    deps: Sync
    scope: Scope
    command: SyncSource
    source: Source
    fence: int
    run_id: str
    tokens: Tokens
    items: int = 0
    gone: int = 0
    calls: int = 0
    """Pages and lists of streams asked for."""
    requests: CallCount = field(default_factory=CallCount)
    """What went out over the wire for it."""
    skipped: list[str] = field(default_factory=list)
    """Why streams were left out."""
    fared: dict[str, str | None] = field(default_factory=dict)
    """By stream: the slug of what went wrong, None when all was well. Written when the run is settled."""

    async def all_streams(self) -> None:
        """Raises RunLost, and what keeps the whole source from being read."""
        await leftovers.clear(self.deps.db, self.scope, self.command.provider, self._hold)
        found = await self._with_access(self.source.streams)
        async with self.deps.db.transaction(self.scope) as tx:
            await self._hold(tx)
            self.gone += await streams.drop_others(tx, self.command.provider, tuple(stream.id for stream in found))
        last: AdjutantError | None = None
        for stream in found:
            try:
                await self._noted(stream)
            except _OF_ONE_STREAM as error:
                # One folder or repository that is closed to us, or broken, says nothing about the others.
                last = error
                self.skipped.append(error.slug)
                log.info("stream_skipped", provider=self.command.provider, error=error.slug)
        if last is not None and len(self.skipped) == len(found):
            raise last

    async def _noted(self, stream: Stream) -> None:
        try:
            await self._stream(stream)
        except RunLost:
            raise
        except AdjutantError as error:
            self.fared[stream.id] = error.slug
            raise
        self.fared[stream.id] = None

    async def _hold(self, tx: Transaction) -> None:
        await schedule.hold(tx, self.command.connection_id, self.fence)

    async def _stream(self, stream: Stream) -> None:
        place = await self._open(stream)
        tries, renewed, expired = 0, False, False
        while True:
            before = place
            try:
                async with aclosing(self._pages(place)) as places:
                    async for reached in places:
                        place = reached
                return await self._close(place)
            except TokenRejected:
                if renewed and place is before:
                    raise
                renewed = True
                await self.tokens.renewed()
                place = await self._again(place)
            except CursorExpired:
                if expired:
                    raise
                expired = True
                place = await self._begin_listing(stream)
            except ProviderUnavailable:
                tries = 1 if place is not before else tries + 1
                if tries >= TRIES:
                    raise
                await asyncio.sleep(pause_before_try(tries, self.deps.chance))
                place = await self._again(place)

    async def _pages(self, place: Place) -> AsyncGenerator[Place, None]:
        """Each place that was reached, after its page was saved."""
        access = await self.tokens.access()
        pages = self.source.pages(access, place.stream.id, place.cursor, place.since)
        async with aclosing(pages):
            async for page in pages:
                self.calls += 1
                place = await self._save(place, page)
                yield place

    async def _save(self, place: Place, page: Page) -> Place:
        """The page, its cursor, the event and the lease: one transaction."""
        provider = self.command.provider
        async with self.deps.db.transaction(self.scope) as tx:
            await self._hold(tx)
            key = await self.deps.vault.user_key(tx)
            gone = await activities.save_page(tx, key, provider, place.stream.id, place.generation, page)
            moved = await streams.save_page(tx, provider, place, page)
            await self._tell(tx, place.stream, len(page.items), gone)
        self.items += len(page.items)
        self.gone += gone
        await progress.tell(self.deps.bus, self.scope, provider, "running", self.items)
        return moved

    async def _close(self, place: Place) -> None:
        if not place.is_listing:
            return
        async with self.deps.db.transaction(self.scope) as tx:
            await self._hold(tx)
            gone = await streams.end_listing(tx, self.command.provider, place, datetime.now(UTC))
            await self._tell(tx, place.stream, 0, gone)
        self.gone += gone

    async def _tell(self, tx: Transaction, stream: Stream, recorded: int, gone: int) -> None:
        if recorded or gone:
            event = ActivityRecorded(provider=self.command.provider, stream=stream.id, recorded=recorded, gone=gone)
            await publish(tx, event)

    async def _with_access(self, call: Callable[[Access], Awaitable[ResultT]]) -> ResultT:
        """One call, with a renewed token if the present one is refused."""
        self.calls += 1
        try:
            return await call(await self.tokens.access())
        except TokenRejected:
            return await call(await self.tokens.renewed())

    async def _open(self, stream: Stream) -> Place:
        async with self.deps.db.transaction(self.scope) as tx:
            await self._hold(tx)
            return await streams.open_stream(tx, self.command.provider, stream, self._window, datetime.now(UTC))

    async def _again(self, place: Place) -> Place:
        """Where a cut listing goes on. One that cannot be resumed begins anew: what it marked as seen may be gone."""
        return await self._begin_listing(place.stream) if place.is_listing and place.cursor is None else place

    async def _begin_listing(self, stream: Stream) -> Place:
        async with self.deps.db.transaction(self.scope) as tx:
            await self._hold(tx)
            since = datetime.now(UTC) - self._window
            return await streams.begin_listing(tx, self.command.provider, stream, since)

    @property
    def _window(self) -> timedelta:
        return timedelta(days=self.deps.settings.window_days)
