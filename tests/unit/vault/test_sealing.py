"""What is sealed opens in its own place only, and no key shows itself."""

import base64
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Scope
from libs.vault import CiphertextRejected, MasterKeys, MasterKeyUnknown, TransitSeal, UserKey
from tests.conftest import new_scope as a_scope

KEY = b"a key of 32 bytes for the tests "


def text_of(**keys: bytes) -> str:
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


def user_key(scope: Scope, key: bytes = KEY, key_id: bytes = b"i" * 16) -> UserKey:
    return UserKey(scope, {key_id: key})


def test_a_seal_opens_in_its_own_place() -> None:
    key = user_key(a_scope())

    sealed = key.seal("message", "m_1", b"hello")

    assert key.open("message", "m_1", sealed) == b"hello"
    assert len(sealed) == len(b"hello") + 45
    assert sealed != key.seal("message", "m_1", b"hello"), "a nonce is never used twice"


def test_a_ciphertext_moved_to_another_row_field_or_user_is_refused() -> None:
    scope, stranger = a_scope(), a_scope()
    sealed = user_key(scope).seal("message", "m_1", b"hello")

    for key, purpose, row in (
        (user_key(scope), "message", "m_2"),
        (user_key(scope), "title", "m_1"),
        (user_key(stranger), "message", "m_1"),
        (user_key(Scope(stranger.organization_id, scope.user_id)), "message", "m_1"),
        (user_key(scope, key_id=b"j" * 16), "message", "m_1"),
        (user_key(scope, key=os.urandom(32)), "message", "m_1"),
    ):
        with pytest.raises(CiphertextRejected):
            key.open(purpose, row, sealed)


def test_parts_of_the_context_cannot_be_shifted_into_each_other() -> None:
    key = user_key(a_scope())
    with pytest.raises(CiphertextRejected):
        key.open("mess", "agem_1", key.seal("message", "m_1", b"hello"))


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_is_raised(rubbish: bytes) -> None:
    with pytest.raises(CiphertextRejected):
        user_key(a_scope()).open("message", "m_1", b"\x01" + b"i" * 16 + rubbish)


@given(st.integers(0, 49), st.integers(1, 255))
def test_a_single_changed_bit_is_refused(position: int, flip: int) -> None:
    key = user_key(a_scope())
    sealed = bytearray(key.seal("message", "m_1", b"hello"))
    sealed[position] ^= flip

    with pytest.raises(CiphertextRejected):
        key.open("message", "m_1", bytes(sealed))


def test_text_in_a_message_opens_for_its_purpose_and_user_only() -> None:
    scope = a_scope()
    seal = TransitSeal(MasterKeys.from_text(text_of(k1=KEY)))

    sealed = seal.seal("run_turn", scope, "grüße")

    assert seal.open("run_turn", scope, sealed) == "grüße"
    for purpose, user, text in (
        ("other", scope, sealed),
        ("run_turn", a_scope(), sealed),
        ("run_turn", scope, sealed[:-6]),
        ("run_turn", scope, "k1."),
        ("run_turn", scope, "k1.not base64"),
    ):
        with pytest.raises(CiphertextRejected):
            seal.open(purpose, user, text)


def test_text_in_a_message_survives_the_rotation_of_the_master_key() -> None:
    scope = a_scope()
    sealed = TransitSeal(MasterKeys({"k0": KEY})).seal("run_turn", scope, "text")

    assert TransitSeal(MasterKeys({"k1": os.urandom(32), "k0": KEY})).open("run_turn", scope, sealed) == "text"
    with pytest.raises(MasterKeyUnknown):
        TransitSeal(MasterKeys({"k1": KEY})).open("run_turn", scope, sealed)


def test_master_keys_are_read_from_text_first_is_current() -> None:
    keys = MasterKeys.from_text(text_of(k1=KEY, k0=os.urandom(32)))

    assert keys.current_id == "k1"
    assert keys.ids == ("k1", "k0")


@pytest.mark.parametrize(
    "text", ["", "k1", "k1:", "k1:c2hvcnQ=", ":" + "A" * 44, "k1:!!!", text_of(k1=KEY) + "," + text_of(k1=KEY)]
)
def test_malformed_master_keys_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="master key") as caught:
        MasterKeys.from_text(text)
    assert base64.b64encode(KEY).decode() not in str(caught.value)


def test_no_key_shows_itself_or_can_be_pickled() -> None:
    keys = MasterKeys({"k1": KEY})
    for secret in (keys, user_key(a_scope()), TransitSeal(keys)):
        assert repr(KEY) not in repr(secret)
        assert "k1" in repr(secret) or "…" in repr(secret)
        with pytest.raises(TypeError):
            pickle.dumps(secret)
