"""Tools' requests to providers are counted for the user they were made for."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from contracts.envelope import Scope
from libs.db import Database
from libs.db.api_usage import usage_between
from libs.providers.call_count import note_call
from services.tool.usage import UsageBook


async def test_what_is_gathered_is_written_once(connect: Callable[[str], Awaitable[Database]], scope: Scope) -> None:
    db, today = await connect("tool"), datetime.now(UTC).date()
    book = UsageBook(db)
    for status in (200, 404, None):
        with book.counted(scope, "gmail"):
            note_call(status)
    with book.counted(scope, "calendar"):
        pass

    await book.write()
    await book.write()

    async with db.reading(scope) as tx:
        days = await usage_between(tx, today, today)
    assert [(day.provider, day.calls, day.failures) for day in days] == [("gmail", 3, 2)]
