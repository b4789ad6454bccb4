"""A limit says what is left, and when it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.limits import Limit, TooManyRequests, judge

CHAT = Limit("chat", 10, 60)
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_the_last_allowed_request_passes_with_nothing_left() -> None:
    allowance = judge(CHAT, 10, START, START + timedelta(seconds=5))
    assert allowance.headers() == {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(START.timestamp()) + 61),
    }


def test_one_more_is_refused_and_told_when_to_come_back() -> None:
    with pytest.raises(TooManyRequests) as refused:
        judge(CHAT, 11, START, START + timedelta(seconds=18))
    assert refused.value.retry_after_s == pytest.approx(42)
    assert refused.value.allowance.remaining == 0
