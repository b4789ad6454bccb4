"""Two spellings of one address are one account."""

import pytest

from services.gateway.emails import InvalidEmail, normalise


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (" Sam@Example.ORG ", "sam@example.org"),
        ("SAM@EXAMPLE.ORG", "sam@example.org"),
        ("ｓａｍ@example.org", "sam@example.org"),  # noqa: RUF001 - full-width letters are the point
        ("straße@example.org", "strasse@example.org"),
        ("sam@bücher.example", "sam@xn--bcher-kva.example"),
        ("e\u0301ric@example.org", "\u00e9ric@example.org"),
    ],
)
def test_spellings_of_one_address_are_one(given: str, normal: str) -> None:
    assert normalise(given) == normal


@pytest.mark.parametrize(
    "given",
    [
        "", "@", "sam", "sam@", "@example.org", "sam@example", "a@b@example.org", "sam sam@example.org",
        "sam@example.org\r\nBcc: x@y.zz", "sam\0@example.org", "sam@-example.org", "sam@exa mple.org",
        "sam\u202e@example.org", "x" * 65 + "@example.org", "sam@" + "a." * 130 + "org", "sam@.org",
    ],
)  # fmt: skip
def test_what_mail_could_not_reach_is_refused(given: str) -> None:
    with pytest.raises(InvalidEmail):
        normalise(given)
