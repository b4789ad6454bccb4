"""Activities: each thing at a provider once, in its newest state; read back newest first."""

import base64
import binascii
from datetime import datetime

import msgspec

from contracts.activities import ActivityPage, ActivityView
from contracts.sync import ActivityGone
from libs.bus import publish
from libs.db import Row, Transaction
from libs.providers.activity_ref import activity_ref
from libs.providers.source import Item, Page
from libs.vault import UserKey
from services.sync.errors import MalformedCursor

MAX_PAGE = 200
GONE_AT_A_TIME = 500


class Details(msgspec.Struct, omit_defaults=True):
    """What only its owner may read: sealed as a whole."""

    title: str
    actor: str | None = None
    url: str | None = None
    metadata: dict[str, str | int | bool | list[str]] = {}


# An older state never replaces a newer one; a row that a listing shows is marked as seen either way.
_SAVE = """
insert into activities as kept
    (provider, stream, generation, external_id, kind, at, ends_at, people, version, details)
select $1, $2, $3, * from unnest(
    $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int[], $9::text[], $10::bytea[])
on conflict (organization_id, user_id, provider, external_id) do update set
    stream = excluded.stream, generation = excluded.generation,
    kind = case when kept.version <= excluded.version then excluded.kind else kept.kind end,
    at = case when kept.version <= excluded.version then excluded.at else kept.at end,
    ends_at = case when kept.version <= excluded.version then excluded.ends_at else kept.ends_at end,
    people = case when kept.version <= excluded.version then excluded.people else kept.people end,
    details = case when kept.version <= excluded.version then excluded.details else kept.details end,
    version = greatest(kept.version, excluded.version)
where kept.version <= excluded.version or kept.stream = excluded.stream
"""


async def save_page(tx: Transaction, key: UserKey, provider: str, stream: str, generation: int, page: Page) -> int:
    """Write what came and delete what went. Returns how many rows went."""
    newest = {item.external_id: item for item in sorted(page.items, key=lambda item: item.version)}
    if newest:
        columns = zip(*(_columns(key, provider, item) for item in newest.values()), strict=True)
        # One statement a page: three times as fast as one a row.
        await tx.execute(_SAVE, provider, stream, generation, *map(list, columns))
    if not page.gone:
        return 0
    # Only of this stream: a mail that moved has arrived in its new folder already.
    rows = await tx.fetch(
        """delete from activities where provider = $1 and stream = $2 and external_id = any($3)
           returning external_id""",
        provider,
        stream,
        list(page.gone),
    )
    return await _tell_gone(tx, provider, rows)


async def forget_unseen(tx: Transaction, provider: str, stream: str, generation: int, since: datetime | None) -> int:
    """Rows that a complete listing from `since` (None: of everything) did not show."""
    rows = await tx.fetch(
        """delete from activities where provider = $1 and stream = $2 and generation < $3
           and ($4::timestamptz is null or at >= $4) returning external_id""",
        provider,
        stream,
        generation,
        since,
    )
    return await _tell_gone(tx, provider, rows)


async def forget_streams(tx: Transaction, provider: str, streams: list[str]) -> int:
    """All rows of these streams."""
    rows = await tx.fetch(
        "delete from activities where provider = $1 and stream = any($2) returning external_id", provider, streams
    )
    return await _tell_gone(tx, provider, rows)


async def newest(tx: Transaction, key: UserKey, provider: str | None, limit: int, cursor: str | None) -> ActivityPage:
    """A page, newest first. Raises MalformedCursor."""
    limit = max(1, min(limit, MAX_PAGE))
    before, before_id = _read_cursor(cursor)
    rows = await tx.fetch(
        """select provider, external_id, kind, at, ends_at, details from activities
           where user_id = $1 and ($2::text is null or provider = $2)
             and provider not in (select l.provider from leftovers l)
             and ($3::timestamptz is null or (at, provider || ' ' || external_id) < ($3, $4))
           order by at desc, provider || ' ' || external_id desc limit $5""",
        tx.require_scope().user_id,
        provider,
        before,
        before_id,
        limit + 1,
    )
    shown = rows[:limit]
    more = _write_cursor(shown[-1]) if len(rows) > limit else None
    return ActivityPage(activities=tuple(_view(row, key) for row in shown), next_cursor=more)


async def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """How many there are of each (provider, stream)."""
    rows = await tx.fetch(
        """select provider, stream, count(*) as items from activities
           where user_id = $1 and provider not in (select l.provider from leftovers l) group by provider, stream""",
        tx.require_scope().user_id,
    )
    return {(row["provider"], row["stream"]): row["items"] for row in rows}


async def _tell_gone(tx: Transaction, provider: str, rows: list[Row]) -> int:
    """Whoever keeps something made from one of these hears of it with the commit. Returns how many there are."""
    refs = [activity_ref(provider, row["external_id"]) for row in rows]
    for start in range(0, len(refs), GONE_AT_A_TIME):
        await publish(tx, ActivityGone(provider=provider, refs=tuple(refs[start : start + GONE_AT_A_TIME])))
    return len(refs)


def _columns(key: UserKey, provider: str, item: Item) -> tuple[object, ...]:
    facts = {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in item.metadata.items()}
    details = Details(item.title[:300], item.actor, item.url, facts)
    sealed = key.seal("activity", f"{provider}:{item.external_id}", msgspec.json.encode(details))
    return item.external_id, item.kind.value, item.at, item.ends_at, item.people, item.version, sealed


def _view(row: Row, key: UserKey) -> ActivityView:
    sealed = key.open("activity", f"{row['provider']}:{row['external_id']}", row["details"])
    details = msgspec.json.decode(sealed, type=Details)
    return ActivityView(
        provider=row["provider"],
        external_id=row["external_id"],
        kind=row["kind"],
        at=row["at"],
        ends_at=row["ends_at"],
        title=details.title,
        actor=details.actor,
        url=details.url,
    )


def _write_cursor(row: Row) -> str:
    text = f"{row['at'].isoformat()}|{row['provider']} {row['external_id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[datetime | None, str]:
    if cursor is None:
        return None, ""
    try:
        moment, _, place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise MalformedCursor("The cursor is not one of this API's.") from error
    if at.tzinfo is None or "\x00" in place:
        raise MalformedCursor("The cursor is not one of this API's.")
    return at, place
