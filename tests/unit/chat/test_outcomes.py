"""What the ledger says of a request: the provider's own count, else an estimate that says that it is one."""

from datetime import UTC, datetime

import pytest

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from libs.models.messages import Finished, UserText
from services.chat.admitted import Admitted, Asker, outcome_of
from services.chat.routing.deployments import Deployment
from services.chat.routing.request import Attempt, ModelRequest, Record
from services.chat.spending.account import Admission
from services.chat.spending.estimates import tokens_of_text
from services.chat.spending.prices import OPERATOR, Usage
from services.chat.spending.quotas import QUOTAS
from tests.unit.chat.scripted_models import deployment

DOLLAR = 1_000_000
"""Millionths for a million tokens: one token costs one millionth."""


def priced(**more: object) -> Deployment:
    return deployment("mini", input_micros=DOLLAR, output_micros=2 * DOLLAR, **more)


def admitted(record: Record) -> Admitted:
    scope = Scope(OrganizationId(new_id("org")), UserId(new_id("u")))
    admission = Admission(new_id("mc"), datetime.now(UTC), 0.0, 0, 1, 1)
    request = ModelRequest((UserText("hi"),))
    return Admitted(request, admission, Asker(scope, "completions"), QUOTAS["FREE"], 100, "FREE", record)


def test_the_providers_count_is_taken_as_it_is() -> None:
    record = Record(deployment=priced(), finished=Finished("stop", "mini", 10, 5), size=300)
    told = outcome_of(admitted(record), "completed", 1.0)
    assert (told.usage, told.cost.micros, told.is_estimate) == (Usage(10, 5), 20, False)


@pytest.mark.parametrize("outcome", ["completed", "cancelled"])
def test_an_answer_without_a_count_is_estimated_and_never_free(outcome: str) -> None:
    finished = Finished("stop", "mini", 0, 0) if outcome == "completed" else None
    record = Record(deployment=priced(), finished=finished, size=300)
    told = outcome_of(admitted(record), outcome, 1.0)
    assert (told.usage, told.cost.micros, told.cost.source, told.is_estimate) == (Usage(100, 100), 300, OPERATOR, True)


def test_one_that_broke_off_is_paid_for_what_it_said_and_the_next_one_for_its_own() -> None:
    first, second = priced(), priced()
    record = Record(deployment=second, size=30)
    record.attempts.append(Attempt(first, "model_stream_broken", 1.0, 300))
    told = outcome_of(admitted(record), "cancelled", 1.0)
    # 100 in and 101 out of the first one, 100 in and 10 out of the second one.
    assert (told.usage, told.cost.micros) == (Usage(200, 111), 422)


def test_what_is_written_to_the_providers_cache_costs_what_that_costs() -> None:
    finished = Finished("stop", "claude-haiku-4-5", 1_000, 0, cached_tokens=0, cache_write_tokens=900)
    listed = outcome_of(admitted(Record(deployment=deployment("claude"), finished=finished)), "completed", 1.0)
    assert listed.cost.micros == 1_225, "a quarter more for the 900 that were written"
    by_operator = priced(cache_write_micros=3 * DOLLAR)
    own = outcome_of(admitted(Record(deployment=by_operator, finished=finished)), "completed", 1.0)
    assert own.cost.micros == 100 + 3 * 900


def test_who_leaves_before_the_first_word_has_been_read_all_the_same() -> None:
    left = outcome_of(admitted(Record(asked=priced())), "cancelled", 1.0)
    assert (left.deployment, left.usage, left.cost.micros, left.is_estimate) == ("mini", Usage(100), 100, True)
    failed = outcome_of(admitted(Record(asked=priced())), "failed", 1.0)
    assert (failed.deployment, failed.cost.micros) == ("mini", 0), "nobody answered, but somebody was asked"
    assert outcome_of(admitted(Record()), "cancelled", 1.0).cost.micros == 0, "it had only waited for its turn"


def test_no_script_is_taken_for_cheaper_than_it_is() -> None:
    """Tokenizers have about one token for a Chinese character, and one for four English letters."""
    assert tokens_of_text("我明天三点有空吗") >= 8
    assert tokens_of_text("Am I free at three tomorrow?") <= 10
