"""What the offline engine takes for a task, and what it does about it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.chat.offline import (
    AddTask,
    Call,
    CompleteTask,
    Intent,
    Outcome,
    ReadMail,
    ReadTasks,
    Say,
    Schedule,
    Unclear,
    next_step,
    understand,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
MUM = {"task_id": "tk_1", "title": "Call mum", "due": "2026-11-27"}
TOM = {"task_id": "tk_2", "title": "Call Tom", "due": "2026-11-22T09:00:00+01:00"}


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Add a task: renew passport by Friday", AddTask("Renew passport", "2026-11-27")),
        ("Remind me to call mum on Friday", AddTask("Call mum", "2026-11-27")),
        ("Remind me tomorrow at 9am to send the invoice", AddTask("Send the invoice", "2026-11-22T09:00:00+01:00")),
        ("todo: buy 2 eggs", AddTask("Buy 2 eggs")),
        ("Please put milk on my to-do list", AddTask("Milk")),
        ('Add a task "Ask about Monday" due 2026-12-01', AddTask("Ask about Monday", "2026-12-01")),
        ("What are my tasks?", ReadTasks()),
        ("Which tasks are done? Show my done tasks", ReadTasks(is_over=True)),
        ("What do I have to do tomorrow?", ReadTasks(due_by="2026-11-22")),
        ("Mark the passport task as done", CompleteTask("passport")),
        ('Mark "Call mum" as done', CompleteTask("Call mum")),
        ("the mum task is done", CompleteTask("mum")),
        ("find Sarah's last mail", ReadMail(sender="Sarah", only_last=True)),
    ],
)
def test_wishes_about_tasks(text: str, intent: Intent) -> None:
    assert understand(text, NOW) == intent


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Remind me on Friday", "What should be written down on Friday 27 November 2026?"),
        ("Remind me yesterday to call", "That is in the past."),
        ("Mark the task as done", "Which task is done?"),
        ("Mark the mail as read", "I cannot do that."),
    ],
)
def test_what_is_not_clear_is_asked(text: str, question: str) -> None:
    intent = understand(text, NOW)
    assert isinstance(intent, Unclear)
    assert question in intent.question


@pytest.mark.parametrize(
    "text", ["Meeting with Tom about my tasks tomorrow at 4pm", "Schedule a task force meeting tomorrow at 4pm"]
)
def test_a_meeting_about_tasks_is_a_meeting(text: str) -> None:
    assert isinstance(understand(text, NOW), Schedule)


def done(tool: str, result: dict[str, Any]) -> Outcome:
    return Outcome(tool, ok=True, result=result)


def test_a_task_is_written_down_and_read_back() -> None:
    added = AddTask("Call mum", "2026-11-27")
    assert next_step(added, ()) == Call("tasks_create", {"title": "Call mum", "due": "2026-11-27"})
    assert next_step(added, (done("tasks_create", MUM),)) == Say(
        'Done: "Call mum" is in your tasks, due Friday 27 November 2026.'
    )


def test_tasks_are_listed_with_when_they_are_due() -> None:
    listed = next_step(ReadTasks(), (done("tasks_list", {"tasks": [TOM, MUM], "more": False}),))
    assert listed == Say(
        "Your open tasks:\n- Call Tom, due Sunday 22 November 2026 at 09:00\n- Call mum, due Friday 27 November 2026"
    )
    assert next_step(ReadTasks(), (done("tasks_list", {"tasks": []}),)) == Say("You have no open tasks.")


def test_the_one_task_that_is_meant_is_marked() -> None:
    both = done("tasks_list", {"tasks": [TOM, MUM]})
    assert next_step(CompleteTask("mum"), (both,)) == Call("tasks_complete", {"task_id": "tk_1"})
    assert next_step(CompleteTask("mum"), (both, done("tasks_complete", MUM))) == Say(
        'Done: "Call mum" is marked as done.'
    )


def test_which_task_is_asked_when_it_could_be_several_or_none() -> None:
    both = done("tasks_list", {"tasks": [TOM, MUM]})
    several, none = next_step(CompleteTask("Call"), (both,)), next_step(CompleteTask("passport"), (both,))
    assert isinstance(none, Say)
    assert none.text.startswith('There is no open task "passport".')
    assert "- Call mum" in none.text
    assert isinstance(several, Say)
