"""What a provider still takes is read from its answers, in its own words."""

from datetime import UTC, datetime

import pytest

from libs.models.headroom import LONGEST_S, UNTOLD, Headroom, headroom_of

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("headers", "headroom"),
    [
        (
            {
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1m30s",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "20ms",
            },
            Headroom(59, NOW + 90, 149_984, NOW + 0.02),
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-21T09:00:12Z",
                "anthropic-ratelimit-input-tokens-remaining": "8000",
            },
            Headroom(0, NOW + 12, 8000, NOW + 60),
        ),
        ({"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "3d"}, Headroom(9, NOW + LONGEST_S)),
        ({"x-ratelimit-remaining-requests": "many"}, UNTOLD),
        (
            {"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "9999-99"},
            Headroom(None, 0.0, 7, NOW + 60),
        ),
        ({}, UNTOLD),
    ],
)
def test_headers_as_providers_write_them(headers: dict[str, str], headroom: Headroom) -> None:
    assert headroom_of(headers, NOW) == headroom


def test_what_is_left_counts_until_the_reset() -> None:
    little = Headroom(1, NOW + 10, 500, NOW + 5)
    assert little.takes(1, 500, NOW)
    assert not little.takes(2, 0, NOW)
    assert not little.takes(0, 501, NOW)
    assert little.takes(9, 9_999, NOW + 10)
    assert UNTOLD.takes(9, 9_999, NOW)
