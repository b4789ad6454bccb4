"""A user's entries page by page. A page begins after a moment and an id, so that it is right whatever comes or goes."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from contracts.memory import Memories, MemoryView
from services.context.errors import MalformedCursor

MOST_LISTED = 100
MOST_BYTES = 600_000
"""Of a page: a message on the bus may have a megabyte."""


def page(entries: Sequence[MemoryView], limit: int, cursor: str | None) -> Memories:
    """At most `limit` of the entries, which are in order, from the cursor on; fewer where they are very long.

    Raises MalformedCursor.
    """
    limit = max(1, min(limit, MOST_LISTED))
    if cursor is not None:
        place = _read(cursor)
        entries = [entry for entry in entries if (entry.updated_at, entry.memory_id) < place]
    shown = _fitting(entries[:limit])
    more = len(entries) > len(shown)
    return Memories(memories=shown, more=more, next_cursor=_written(shown[-1]) if more else None)


def _fitting(entries: Sequence[MemoryView]) -> tuple[MemoryView, ...]:
    """The first ones that fit into a page; always one."""
    taken, size = 0, 0
    for entry in entries:
        size += len(entry.model_dump_json().encode())
        if taken and size > MOST_BYTES:
            break
        taken += 1
    return tuple(entries[:taken])


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
