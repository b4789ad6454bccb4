"""An operator's exception to a quota is granted by a command, counts, and stays as it was written."""

import os
from collections.abc import Awaitable, Callable

import pytest

from contracts.envelope import Scope
from libs.db import Database
from libs.runtime.quota_exceptions import grant
from libs.runtime.settings import PlatformSettings
from libs.testing.servers import ServiceDatabase
from services.chat.spending.plans import Plans


async def test_a_granted_exception_is_found_by_chat_with_its_reason(
    database: ServiceDatabase, connect: Callable[[str], Awaitable[Database]], scope: Scope, tmp_path: "os.PathLike[str]"
) -> None:
    chat = await connect("chat")
    platform = PlatformSettings.explicit(database_url=database.admin_url, nats_url="nats://unused", data_dir=tmp_path)

    await grant(platform, ("chat",), scope.organization_id, 3, 2, "  launch day ")

    assert (await Plans(chat, "FREE").terms_of(scope)).factor == 3
    async with chat.reading(None) as tx:
        row = await tx.fetchrow("select reason, granted_by from quota_exceptions")
    assert row is not None
    assert row["reason"] == "launch day"
    assert row["granted_by"]


@pytest.mark.parametrize(
    ("organization", "factor", "hours", "reason"),
    [("ada", 2.0, 1.0, "x"), ("org_" + "0" * 32, 0.0, 1.0, "x"), ("org_" + "0" * 32, 2.0, 1.0, " ")],
)
async def test_what_makes_no_sense_is_refused(organization: str, factor: float, hours: float, reason: str) -> None:
    with pytest.raises(ValueError, match=r"organization|factor"):
        await grant(PlatformSettings.explicit(), ("chat",), organization, factor, hours, reason)
