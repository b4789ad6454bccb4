"""When a failed message is tried again, and when it is not."""

import pytest

from libs.bus.errors import ErrorBody as Body
from libs.bus.errors import MalformedMessage, RemoteError
from libs.bus.retries import SCHEDULE_S, is_permanent, judge
from libs.db import DatabaseUnavailable
from libs.resilience.errors import Internal, InvalidInput, NotFound, RateLimited, Unavailable


def test_the_five_retries_follow_the_schedule_and_the_sixth_failure_is_final() -> None:
    delays = [judge(RuntimeError(), attempt, randomness=0).delay_s for attempt in range(1, 7)]

    assert delays == [1, 5, 30, 120, 600, None]


def test_jitter_lengthens_a_delay_by_a_fifth_at_most() -> None:
    assert judge(RuntimeError(), 3, randomness=0.9999).delay_s == pytest.approx(36, abs=0.01)
    for _ in range(50):
        assert SCHEDULE_S[0] <= (judge(RuntimeError(), 1).delay_s or 0) <= SCHEDULE_S[0] * 1.2


def test_a_longer_wait_that_the_error_asks_for_is_respected() -> None:
    assert judge(RateLimited("slow down", retry_after_s=45), 1, randomness=0).delay_s == 45
    assert judge(RateLimited("slow down", retry_after_s=2), 3, randomness=0).delay_s == 30


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (MalformedMessage("x"), True),
        (InvalidInput("x"), True),
        (NotFound("x"), True),
        (RemoteError(Body(slug="x", status=404, detail="x", advice="x", retryable=False)), True),
        (RemoteError(Body(slug="x", status=503, detail="x", advice="x", retryable=True)), False),
        (Unavailable("x"), False),
        (DatabaseUnavailable("x"), False),
        (Internal("x"), False),
        (RuntimeError("x"), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_only_what_must_fail_again_is_permanent(error: Exception, permanent: bool) -> None:
    assert is_permanent(error) is permanent


def test_a_foreign_errors_text_never_reaches_the_dead_letter() -> None:
    verdict = judge(ValueError("Anna's password is hunter2"), 6)

    assert (verdict.slug, verdict.detail) == ("internal_error", "ValueError")
