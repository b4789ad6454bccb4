"""The fixtures themselves: modules do not see each other, and every service can do what its contracts say."""

import asyncpg
import nats
import pytest

from contracts.envelope import Service
from libs.testing.servers import Servers
from tests.conftest import Platform


async def test_every_service_logs_in_to_its_own_schema_and_its_own_bus_user(platform: Platform) -> None:
    for service in Service:
        connection = await asyncpg.connect(platform.database.url(service))
        assert await connection.fetchval("select current_schema()") == service
        assert await connection.fetchval("select count(*) from outbox") == 0
        await connection.close()
        client = await nats.connect(platform.nats.url_for(service), inbox_prefix=f"_INBOX_{service}")
        await client.close()


async def test_another_module_has_other_streams_and_other_rows(platform: Platform, servers: Servers) -> None:
    elsewhere = await servers.lease_account()
    other = await servers.database("another_module", ["chat"])
    try:
        admin = await elsewhere.admin()
        assert await admin.jetstream.streams_info() == []
        await admin.close()
        assert other.url("chat") != platform.database.url("chat")
    finally:
        await elsewhere.release()
        await other.drop()


async def test_a_released_account_is_empty_for_the_next(servers: Servers) -> None:
    account = await servers.lease_account()
    admin = await account.admin()
    await admin.jetstream.add_stream(name="LEFT", subjects=["left"])
    await admin.close()
    await account.release()

    again = await servers.lease_account()
    assert again.number == account.number
    admin = await again.admin()
    assert await admin.jetstream.streams_info() == []
    await admin.close()
    await again.release()


async def test_a_password_of_one_service_opens_no_other_role(platform: Platform) -> None:
    url = platform.database.url("chat").replace("svc_chat", "svc_tool")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)
