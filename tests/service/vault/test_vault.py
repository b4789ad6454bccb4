"""Data keys on a real database: made once, kept apart, rotated, erased for good."""

import asyncio
import os

import pytest

from contracts.envelope import Scope
from libs.db import Database
from libs.resilience.errors import Unauthenticated
from libs.vault import CiphertextRejected, MasterKeys, MasterKeyUnknown, Vault

OLD, NEW = os.urandom(32), os.urandom(32)


def vault_of(**keys: bytes) -> Vault:
    return Vault(MasterKeys(keys))


async def seal(vault: Vault, notes: Database, scope: Scope, text: bytes = b"secret") -> bytes:
    async with notes.transaction(scope) as tx:
        return (await vault.user_key(tx)).seal("note", "m_1", text)


async def unseal(vault: Vault, notes: Database, scope: Scope, sealed: bytes) -> bytes:
    async with notes.reading(scope) as tx:
        return (await vault.user_key(tx)).open("note", "m_1", sealed)


async def test_what_one_replica_seals_another_opens(notes: Database, scope: Scope) -> None:
    sealed = await seal(vault_of(k1=OLD), notes, scope)

    assert b"secret" not in sealed
    assert await unseal(vault_of(k1=OLD), notes, scope, sealed) == b"secret"


async def test_replicas_that_meet_at_a_users_first_key_agree_on_one(notes: Database, scope: Scope) -> None:
    vaults = [vault_of(k1=OLD) for _ in range(8)]

    sealed = await asyncio.gather(*(seal(vault, notes, scope) for vault in vaults))

    for one in sealed:
        assert await unseal(vaults[0], notes, scope, one) == b"secret"


async def test_another_users_ciphertext_is_refused(notes: Database, scope: Scope, stranger: Scope) -> None:
    vault = vault_of(k1=OLD)
    sealed = await seal(vault, notes, scope)
    await seal(vault, notes, stranger)

    with pytest.raises(CiphertextRejected):
        await unseal(vault, notes, stranger, sealed)


async def test_another_users_data_key_row_cannot_be_used(
    notes: Database, owner: Database, scope: Scope, stranger: Scope
) -> None:
    """Even who can write the table cannot give one user's key to another: the wrapping names its owner."""
    sealed = await seal(vault_of(k1=OLD), notes, scope)
    await seal(vault_of(k1=OLD), notes, stranger)
    async with owner.transaction(None) as tx:
        await tx.execute(
            "update data_keys as theirs set id = mine.id, wrapped = mine.wrapped from data_keys as mine"
            " where theirs.user_id = $1 and mine.user_id = $2",
            stranger.user_id,
            scope.user_id,
        )

    with pytest.raises(CiphertextRejected):
        await unseal(vault_of(k1=OLD), notes, stranger, sealed)


async def test_the_old_master_key_still_opens_after_rotation_and_is_dispensable_after_rewrap(
    notes: Database, owner: Database, scope: Scope
) -> None:
    sealed = await seal(vault_of(old=OLD), notes, scope)
    rotated = vault_of(new=NEW, old=OLD)
    assert await unseal(rotated, notes, scope, sealed) == b"secret"
    with pytest.raises(MasterKeyUnknown):
        await unseal(vault_of(new=NEW), notes, scope, sealed)

    # Other tests of this module sealed under a key called k1: it is the same key by another name.
    keeper = Vault(MasterKeys({"new": NEW, "old": OLD, "k1": OLD}))
    async with owner.transaction(None) as tx:
        await tx.execute("delete from data_keys where user_id <> $1", scope.user_id)
        assert await keeper.rewrap(tx) == 1
        assert await keeper.rewrap(tx) == 0

    assert await unseal(vault_of(new=NEW), notes, scope, sealed) == b"secret"


async def test_a_service_cannot_rewrap_or_see_keys_of_others(notes: Database, scope: Scope) -> None:
    await seal(vault_of(old=OLD), notes, scope)

    async with notes.transaction(None) as tx:
        assert await vault_of(new=NEW, old=OLD).rewrap(tx) == 0
        assert await tx.fetchval("select count(*) from data_keys") == 0


async def test_erasure_is_final_also_through_the_cache(notes: Database, scope: Scope) -> None:
    vault = vault_of(k1=OLD)
    sealed = await seal(vault, notes, scope)
    assert await unseal(vault, notes, scope, sealed) == b"secret"  # now it is cached

    async with notes.transaction(scope) as tx:
        assert await vault.erase(tx)

    with pytest.raises(CiphertextRejected):
        await unseal(vault, notes, scope, sealed)
    await seal(vault, notes, scope, b"a new life")
    with pytest.raises(CiphertextRejected):
        await unseal(vault, notes, scope, sealed)
    async with notes.transaction(scope) as tx:
        assert await vault.erase(tx)
    async with notes.transaction(scope) as tx:
        assert not await vault.erase(tx)


async def test_another_replica_forgets_an_erased_key_within_a_minute(notes: Database, scope: Scope) -> None:
    now = [0.0]
    other = Vault(MasterKeys({"k1": OLD}), clock=lambda: now[0])
    sealed = await seal(other, notes, scope)
    assert await unseal(other, notes, scope, sealed) == b"secret"

    async with notes.transaction(scope) as tx:
        await vault_of(k1=OLD).erase(tx)

    now[0] = 61.0
    with pytest.raises(CiphertextRejected):
        await unseal(other, notes, scope, sealed)


async def test_erasing_one_user_leaves_the_others(notes: Database, scope: Scope, stranger: Scope) -> None:
    vault = vault_of(k1=OLD)
    kept = await seal(vault, notes, stranger)
    await seal(vault, notes, scope)

    async with notes.transaction(scope) as tx:
        await vault.erase(tx)

    assert await unseal(vault_of(k1=OLD), notes, stranger, kept) == b"secret"


async def test_a_key_whose_transaction_was_undone_is_never_used_again(notes: Database, scope: Scope) -> None:
    vault = vault_of(k1=OLD)
    with pytest.raises(KeyError):
        await _make_a_key_and_fail(vault, notes, scope)

    sealed = await seal(vault, notes, scope)

    assert await unseal(vault_of(k1=OLD), notes, scope, sealed) == b"secret"


async def _make_a_key_and_fail(vault: Vault, notes: Database, scope: Scope) -> None:
    async with notes.transaction(scope) as tx:
        await vault.user_key(tx)
        raise KeyError


async def test_nobody_has_a_key_without_being_somebody(notes: Database) -> None:
    async with notes.transaction(None) as tx:
        with pytest.raises(Unauthenticated):
            await vault_of(k1=OLD).user_key(tx)
