"""Rotating the master key over a real database, while a service goes on using it."""

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from libs.db import Database
from libs.runtime.keys import fresh_key, rotate, still_used
from libs.runtime.settings import PlatformSettings
from libs.testing.servers import ServiceDatabase
from libs.vault import MasterKeys, Vault

OLD = f"k1:{base64.b64encode(os.urandom(32)).decode()}"
PEOPLE = 1_200


def people(count: int) -> list[Scope]:
    organization = OrganizationId(new_id("org"))
    return [Scope(organization, UserId(new_id("u"))) for _ in range(count)]


async def test_every_data_key_is_wrapped_anew_while_the_service_reads_and_writes(
    database: ServiceDatabase, connect: Callable[[str], Awaitable[Database]], tmp_path: "os.PathLike[str]"
) -> None:
    chat = await connect("chat")
    old, new = MasterKeys.from_text(OLD), fresh_key("k2")
    sealed: dict[Scope, bytes] = {}

    async def write(scope: Scope, vault: Vault) -> None:
        async with chat.transaction(scope) as tx:
            sealed[scope] = (await vault.user_key(tx)).seal("note", "row", b"secret")

    async def read(scope: Scope, vault: Vault) -> bytes:
        async with chat.reading(scope) as tx:
            return (await vault.user_key(tx)).open("note", "row", sealed[scope])

    before, during = people(PEOPLE), people(50)
    vault = Vault(old)
    for start in range(0, PEOPLE, 50):
        await asyncio.gather(*(write(scope, vault) for scope in before[start : start + 50]))
    both = f"{new},{OLD}"
    platform = PlatformSettings.explicit(
        database_url=database.admin_url, nats_url="nats://unused", master_keys=SecretStr(both), data_dir=tmp_path
    )
    services = ("gateway", "chat")

    async def rotated() -> list[tuple[str, int]]:
        return [step async for step in rotate(platform, services)]

    steps, *_ = await asyncio.gather(
        rotated(),
        *(write(scope, Vault(MasterKeys.from_text(both))) for scope in during),
        *(read(scope, vault) for scope in before[:50]),
    )

    assert steps[-1] == ("chat", PEOPLE)
    assert len(steps) > 3, "in batches"
    assert await still_used(platform, services) == {"k2": PEOPLE + 50}
    without_old = Vault(MasterKeys.from_text(new))
    for scope in (*before[:20], *before[-20:], *during):
        assert await read(scope, without_old) == b"secret"
    assert [step async for step in rotate(platform, services)] == [("chat", 0)], "a second time finds nothing"
