"""A user's entries page by page. A page begins after a moment and an id, so that it is right whatever comes or goes."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from contracts.memory import Memories, MemoryView
from services.context.errors import MalformedCursor

MOST_LISTED = 100
"""Entries of a page: at their longest they fill half of a message on the bus."""


def page(entries: Sequence[MemoryView], limit: int, cursor: str | None) -> Memories:
    """At most `limit` of the entries, which are in order, from the cursor on. Raises MalformedCursor."""
    limit = max(1, min(limit, MOST_LISTED))
    if cursor is not None:
        place = _read(cursor)
        entries = [entry for entry in entries if (entry.updated_at, entry.memory_id) < place]
    more = len(entries) > limit
    return Memories(
        memories=tuple(entries[:limit]), more=more, next_cursor=_written(entries[limit - 1]) if more else None
    )


def _written(entry: MemoryView) -> str:
    text = f"{entry.updated_at.isoformat()}|{entry.memory_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, str]:
    try:
        moment, _, memory_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise MalformedCursor("The cursor is not one of this API's.") from error
    if at.tzinfo is None:
        raise MalformedCursor("The cursor is not one of this API's.")
    return at, memory_id
