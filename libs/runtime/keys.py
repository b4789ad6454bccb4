"""`adjutant keys …`: a fresh master key, and wrapping every user's data key anew while the services run.

The services read either wrapping, so nobody waits for anybody: each batch is a transaction of its own that skips rows
somebody else holds. Interrupted, it is run again; done twice, the second time finds nothing.
"""

import base64
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from libs.db import Database
from libs.runtime.errors import SettingMissing
from libs.runtime.neighbours import Neighbours
from libs.runtime.settings import PlatformSettings
from libs.vault import MasterKeys, Vault

WAIT_S = 5.0
BATCH = 500


def fresh_key(id: str) -> str:
    """`id:<32 random bytes in base64>`, to be put into ADJUTANT_MASTER_KEYS. Raises ValueError for a malformed id."""
    text = f"{id}:{base64.b64encode(os.urandom(32)).decode()}"
    MasterKeys.from_text(text)
    return text


async def rotate(platform: PlatformSettings, services: Sequence[str]) -> AsyncIterator[tuple[str, int]]:
    """Yields (service, data keys wrapped anew so far) after every batch; a service without data keys is left out.

    Raises SettingMissing without master keys, MasterKeyUnknown when one is missing that something is wrapped by.
    """
    keys = _keys(platform, services)
    for name in services:
        async with owner_of(platform, services, name) as owner:
            if not await _has_data_keys(owner):
                continue
            done = 0
            while batch := await _batch(owner, Vault(keys)):
                done += batch
                yield name, done
            yield name, done


async def still_used(platform: PlatformSettings, services: Sequence[str]) -> dict[str, int]:
    """How many data keys each master key still wraps, in all schemas together."""
    used: dict[str, int] = {}
    for name in services:
        async with owner_of(platform, services, name) as owner:
            if await _has_data_keys(owner):
                async with owner.transaction(None) as tx:
                    rows = await tx.fetch("select master_key_id, count(*) as n from data_keys group by 1")
                for row in rows:
                    used[row["master_key_id"]] = used.get(row["master_key_id"], 0) + row["n"]
    return used


async def _batch(owner: Database, vault: Vault) -> int:
    async with owner.transaction(None) as tx:
        return await vault.rewrap(tx, limit=BATCH)


async def _has_data_keys(owner: Database) -> bool:
    async with owner.reading(None) as tx:
        return await tx.fetchval("select to_regclass('data_keys')") is not None


def _keys(platform: PlatformSettings, services: Sequence[str]) -> MasterKeys:
    found = Neighbours.of(platform, services).platform_for(services[0]).master_keys
    if found is None:
        raise SettingMissing("ADJUTANT_MASTER_KEYS is not set.")
    return MasterKeys.from_text(found.get_secret_value())


@asynccontextmanager
async def owner_of(platform: PlatformSettings, services: Sequence[str], service: str) -> AsyncIterator[Database]:
    """As the role that owns the schemas: it alone sees every user's row. Raises DatabaseUnavailable."""
    url = Neighbours.of(platform, services).database_admin_url
    database = await Database.connect(url, service, max_connections=1, wait_s=WAIT_S)
    try:
        yield database
    finally:
        await database.close()
