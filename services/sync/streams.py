"""The streams of a source: their cursors, and listings that begin anew.

A listing gives every row it sees a new generation. When it is complete, rows of the stream that kept an older one,
and that it would have shown, no longer exist at the provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.sync import StreamView
from libs.db import Row, Transaction
from libs.providers.source import Page, Stream
from services.sync import activities

LIST_ANEW = timedelta(hours=24)
"""How often a stream is listed whole whose provider does not tell what was deleted."""
MAX_SHOWN = 200
"""Streams of a source in a status."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream has been read. `since`: what a listing under way goes back to."""

    stream: Stream
    cursor: str | None
    generation: int
    is_listing: bool
    since: datetime


async def open_stream(tx: Transaction, provider: str, stream: Stream, window: timedelta, now: datetime) -> Place:
    """Where to go on; a stream that is new, or has to be listed whole again, begins a listing."""
    row = await tx.fetchrow(
        """insert into streams (provider, stream, name) values ($1, $2, $3)
           on conflict (organization_id, user_id, provider, stream) do update set name = excluded.name
           returning cursor, generation, listing, listed_since, listed_at""",
        provider,
        stream.id,
        stream.name[:300],
    )
    assert row is not None
    if row["cursor"] is None or (not row["listing"] and _needs_listing(row, stream, now)):
        return await begin_listing(tx, provider, stream, now - window)
    return Place(stream, row["cursor"], row["generation"], row["listing"], row["listed_since"] or now - window)


async def begin_listing(tx: Transaction, provider: str, stream: Stream, since: datetime) -> Place:
    """Forget the cursor and start a new generation."""
    generation = await tx.fetchval(
        """update streams set cursor = null, listing = true, generation = generation + 1, listed_since = $3
           where provider = $1 and stream = $2 returning generation""",
        provider,
        stream.id,
        since,
    )
    return Place(stream, None, generation, True, since)


async def save_page(tx: Transaction, provider: str, place: Place, page: Page) -> Place:
    """Move the cursor behind a page; called in the transaction that saves its items."""
    cursor = page.cursor if page.cursor is not None or place.is_listing else place.cursor
    await tx.execute(
        "update streams set cursor = $3 where provider = $1 and stream = $2", provider, place.stream.id, cursor
    )
    return replace(place, cursor=cursor)


async def end_listing(tx: Transaction, provider: str, place: Place, now: datetime) -> int:
    """The listing is complete: what it did not show is gone. Returns how many went."""
    gone = await activities.forget_unseen(
        tx, provider, place.stream.id, place.generation, None if place.stream.lists_everything else place.since
    )
    await tx.execute(
        "update streams set listing = false, listed_at = $3 where provider = $1 and stream = $2",
        provider,
        place.stream.id,
        now,
    )
    return gone


async def drop_others(tx: Transaction, provider: str, kept: tuple[str, ...]) -> int:
    """Streams that the account no longer has go, with their rows. Returns how many rows went."""
    rows = await tx.fetch(
        "delete from streams where provider = $1 and stream <> all($2) returning stream", provider, list(kept)
    )
    return await activities.forget_streams(tx, provider, [row["stream"] for row in rows])


async def note(tx: Transaction, provider: str, fared: Mapping[str, str | None]) -> None:
    """How the streams of a run fared: the slug of what went wrong, None when all was well."""
    await tx.execute(
        """update streams set error = f.error,
                  succeeded_at = case when f.error is null then clock_timestamp() else succeeded_at end
           from unnest($2::text[], $3::text[]) as f(stream, error)
           where provider = $1 and streams.stream = f.stream""",
        provider,
        list(fared),
        list(fared.values()),
    )


async def of_user(tx: Transaction, items: Mapping[tuple[str, str], int]) -> dict[str, tuple[StreamView, ...]]:
    """By provider, those that failed first; `items`: how many activities each (provider, stream) has."""
    rows = await tx.fetch(
        """select * from (
               select provider, stream, name, succeeded_at, error, listing,
                      row_number() over (partition by provider order by error is null, name, stream) as place
               from streams) as placed
           where place <= $1 order by provider, place""",
        MAX_SHOWN,
    )
    shown: dict[str, tuple[StreamView, ...]] = {}
    for row in rows:
        view = StreamView(
            stream=row["stream"],
            name=row["name"],
            last_success_at=row["succeeded_at"],
            error=row["error"],
            items=items.get((row["provider"], row["stream"]), 0),
            resyncing=row["listing"],
        )
        shown[row["provider"]] = (*shown.get(row["provider"], ()), view)
    return shown


def _needs_listing(row: Row, stream: Stream, now: datetime) -> bool:
    if row["listed_at"] is None:
        return True
    return not stream.tells_deletions and row["listed_at"] <= now - LIST_ANEW
