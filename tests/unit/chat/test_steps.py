"""What a turn remembers, and how a successor reads it."""

from contracts.ids import is_id
from contracts.tool import Effect
from services.chat.steps import Decision, Outcome, Step, ToolCall, decode, encode, execution_id, rounds


def call(number: int, effect: Effect | None = Effect.READ) -> ToolCall:
    """A decided call."""
    return ToolCall(f"call_{number}", "mail_search", "{}", effect)


def outcome(number: int) -> Outcome:
    """What came of it."""
    return Outcome(f"call_{number}", "mail_search", ok=True, effect=False, untrusted=True)


def test_steps_are_read_back_as_they_were_written() -> None:
    steps: tuple[Step, ...] = (
        Decision("Let me see. \N{GRINNING FACE}", (call(1, Effect.WRITE),), "model", 10, 2, 7, "Europe/Berlin"),
        outcome(1),
    )
    assert tuple(decode(encode(step)) for step in steps) == steps


def test_outcomes_belong_to_the_decision_before_them_and_what_lacks_one_is_missing() -> None:
    first, second = Decision("", (call(1), call(2)), "model"), Decision("", (call(3), call(4)), "model")
    found = rounds((first, outcome(2), outcome(1), second, outcome(4)))
    assert [round_.number for round_ in found] == [0, 1]
    assert found[0].missing == ()
    assert found[1].missing == (call(3),)


def test_an_execution_id_is_the_same_for_the_same_call_and_another_for_any_other() -> None:
    ids = [execution_id(turn, number, index) for turn in ("t_1", "t_2") for number in (0, 1) for index in (0, 1)]
    assert len(set(ids)) == len(ids)
    assert ids[0] == execution_id("t_1", 0, 0)
    assert all(is_id(id) for id in ids)


def test_a_tool_nobody_knows_changes_nothing() -> None:
    assert not call(1, None).changes_something
    assert not call(1, Effect.READ).changes_something
    assert call(1, Effect.SEND).changes_something


def test_a_result_that_is_no_object_is_still_data() -> None:
    assert Outcome("c", "t", ok=True, effect=False, untrusted=False, result="[1]").as_data() == {"value": [1]}
