"""A run stays within what a message, a reply and a reader can hold, whatever its steps find."""

import json

from contracts.runs import RunStatus, RunUpdates
from services.chat.runs import changes, outcomes
from services.chat.runs.outcomes import DETAIL_CHARACTERS, MAX_RESULT_CHARACTERS, MAX_VALUES, Ended
from services.chat.runs.plan import DESCRIPTION_CHARACTERS, MAX_STEPS
from services.chat.runs.run_rows import UPDATES_AT_ONCE
from services.chat.runs.views import view_of
from tests.unit.chat.planned_runs import NOW, do, from_, planned_run, started, statuses, step

REPLY_BYTES = 1_000_000
WIDE = "\U0001f9be"
"""Four bytes."""


def test_fifty_steps_with_everything_as_long_as_it_may_be_fit_into_one_reply() -> None:
    long = {f"a{n}{WIDE * 200}": WIDE * 300 for n in range(9)}
    steps = [
        step(f"s{n}", **long).model_copy(
            update={"name": WIDE * 200, "description": WIDE * 2 * DESCRIPTION_CHARACTERS, "required": n % 2 == 0}
        )
        for n in range(MAX_STEPS)
    ]
    run = planned_run(*steps, goal=WIDE * 32_000)
    changes.start(run, NOW, is_asked=True)
    while ready := [id for id, status in statuses(run).items() if status == "ready"]:
        for id in ready:
            number = int(id[1:])
            failed = Ended(error="provider_refused", detail=WIDE * 5_000)
            do(run, id, failed if number % 2 else Ended(result=WIDE * 20_000))
    assert run.status is RunStatus.DONE
    assert len(view_of(run).model_dump_json().encode()) < REPLY_BYTES
    many = tuple(run.updates[:UPDATES_AT_ONCE])
    reply = RunUpdates(updates=many, status=run.status, is_over=True)
    assert len(reply.model_dump_json().encode()) < REPLY_BYTES
    assert max(len(update.text or "") for update in run.updates) <= DETAIL_CHARACTERS


def test_a_read_that_finds_a_megabyte_fails_in_words_and_an_effect_that_tells_as_much_is_done() -> None:
    megabyte = json.dumps("x" * 1_000_000)
    run = started(
        step("look", required=False), step("write", tool="write"), step("use", x=from_("write"), required=False)
    )
    do(run, "look", Ended(result=megabyte))
    assert run.state("look").error == "result_too_large"
    do(run, "write", Ended(result=megabyte))
    assert statuses(run)["write"] == "done"
    assert len(run.state("write").result or "") < MAX_RESULT_CHARACTERS


def test_values_by_the_thousand_are_refused_before_they_are_sent() -> None:
    run = started(step("look"), step("use", x=from_("look")))
    do(run, "look", Ended(result=json.dumps([1] * (MAX_VALUES + 1))))
    assert outcomes.begin(run, "use", 1, NOW) is None
    assert (run.state("use").error, run.status) == ("arguments_too_large", RunStatus.FAILED)
