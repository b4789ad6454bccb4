"""What a plan may be, and how a goal becomes one without a model."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.runs import StepRequest
from contracts.tool import Effect
from services.chat.runs.errors import NothingToPlan, PlanRejected
from services.chat.runs.offline_split import split
from services.chat.runs.plan import MAX_STEPS, Plan, checked
from services.chat.runs.references import ReferenceMissing, resolved
from tests.unit.chat.planned_runs import NOW, TOOLS, from_, step, tool


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([], "no steps"),
        ([step("a", "b"), step("b", "a")], "wait for each other: a, b"),
        ([step("a", "a")], "waits for itself"),
        ([step("a", "ghost")], "'ghost', which is no step"),
        ([step("a", x=from_("ghost"))], "'ghost', which is no step"),
        ([step("a"), step("a")], "Two steps have the id a"),
        ([step("a b")], "needs an id"),
        ([step("a", tool="teleport")], "'teleport', which is not among yours"),
        ([step("a", x="\ud800")], "half a character"),
        ([step("a", x=float("nan"))], "a number that is none"),
        ([step("a", x=[{"y": 10**30}])], "too many digits"),
        ([step("a", x="x" * 40_000)], "more than 32000 characters"),
        ([step("a"), step("b", x=from_("a", "x..y"))], "a path is made of names and indices"),
        ([step("a"), step("b", x={"$from": "a", "evil": 1})], "and nothing else"),
        ([step(f"s{n}") for n in range(MAX_STEPS + 1)], "at most 50"),
    ],
)
def test_a_defective_plan_is_refused_with_a_sentence_that_names_the_defect(
    steps: list[StepRequest], complaint: str
) -> None:
    with pytest.raises(PlanRejected, match=complaint):
        checked(steps, TOOLS)


def test_arguments_that_the_tool_does_not_have_or_lacks_are_named_before_anything_runs() -> None:
    schema = {"properties": {"title": {}, "start": {}}, "required": ["title"], "additionalProperties": False}
    tools = {"event": TOOLS["write"].model_copy(update={"name": "event", "parameters_schema": json.dumps(schema)})}
    with pytest.raises(PlanRejected, match=r"no argument 'titel'.*needs the argument 'title'"):
        checked([step("a", tool="event", titel="Lunch")], tools)


def test_steps_side_by_side_take_as_long_as_the_longest_chain() -> None:
    plan = checked([step("a"), step("b"), step("c", "a"), step("d", "b", "c", tool="write")], TOOLS)
    assert plan.estimated_s() == 2 + 2 + 4


def test_a_step_whose_result_a_required_one_uses_is_required_itself() -> None:
    plan = checked([step("a", required=False), step("b", x=from_("a"), required=False), step("c", x=from_("b"))], TOOLS)
    assert [step.required for step in plan.steps] == [True, True, True]


def test_values_are_taken_from_where_the_path_points_and_nowhere_else() -> None:
    results = {"find": json.dumps({"contacts": [{"address": "sarah@example.com"}], "n": [1, 2]})}
    arguments = {"guests": [from_("find", "contacts[only].address")], "n": from_("find", "n[1]"), "t": "x"}
    assert resolved(arguments, results) == {"guests": ["sarah@example.com"], "n": 2, "t": "x"}
    for path in ("contacts[1].address", "contacts[0].name", "n[only]", "n.x", "contacts.address"):
        with pytest.raises(ReferenceMissing):
            resolved({"x": from_("find", path)}, results)


def _split(goal: str) -> Plan:
    names = ("mail_search", "calendar_list", "calendar_availability", "contacts_find", "calendar_create_event")
    tools = {name: tool(name, Effect.WRITE if "create" in name else Effect.READ) for name in names}
    return checked(split(goal, NOW), tools)


def test_words_split_into_steps_of_which_only_then_makes_an_order() -> None:
    plan = _split(
        'Show my mails from today, then schedule "Lunch and learn" with Sarah tomorrow at 12:00 and show my calendar'
    )
    assert [step.tool for step in plan.steps] == [
        "mail_search",
        "contacts_find",
        "calendar_list",
        "calendar_create_event",
    ]
    by_tool = {step.tool: step for step in plan.steps}
    assert by_tool["contacts_find"].depends_on == by_tool["calendar_list"].depends_on == ("s1",)
    event = by_tool["calendar_create_event"]
    assert event.arguments["title"] == "Lunch and learn"
    assert event.arguments["guests"] == [{"$from": by_tool["contacts_find"].id, "path": "contacts[only].address"}]


def test_guests_joined_by_and_belong_to_one_event() -> None:
    plan = _split("Schedule a meeting with sarah@example.com and tom@example.com tomorrow at 3pm")
    (event,) = plan.steps
    assert event.arguments["guests"] == ["sarah@example.com", "tom@example.com"]


@pytest.mark.parametrize("goal", ["Sing a song", "Show my mails, then delete everything", "hello"])
def test_what_is_not_understood_is_asked_and_not_guessed(goal: str) -> None:
    with pytest.raises(NothingToPlan):
        _split(goal)


@given(st.text(max_size=200))
def test_no_words_break_the_splitter(goal: str) -> None:
    with contextlib.suppress(NothingToPlan, PlanRejected):
        _split(goal)
