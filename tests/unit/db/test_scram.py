"""A role's verifier is what PostgreSQL itself would store."""

import base64

import pytest

from libs.db.scram import scram_verifier


def test_the_verifier_matches_the_test_vector_of_rfc_7677() -> None:
    """Password `pencil`, salt and signatures of RFC 7677 section 3, checked by the server's own arithmetic."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")

    verifier = scram_verifier("pencil", iterations=4096, salt=salt)

    head, _, keys = verifier.rpartition("$")
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    assert keys.startswith("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:")


def test_two_verifiers_of_one_password_differ() -> None:
    assert scram_verifier("x") != scram_verifier("x")


def test_a_password_beyond_ascii_is_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram_verifier("pässword")
