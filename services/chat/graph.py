"""The steps of a turn, by name: what a user watches, what a trace shows, what an operator greps for.

context (profile, memory, notifications) ∥ tools ∥ negotiations, if meetings are spoken of
   ├──► decide: the message is a word about what waits; no engine has a hand in it
   └──► plan ──► act ──► plan … ──► respond ──► what waits is shown
          ├── several steps: a plan that its user sees and starts (`services.chat.runs`)
          └── direct mode: nothing to act on, straight to respond
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.resilience.errors import AdjutantError
from libs.telemetry import tracer
from services.chat.live_turn import LiveTurn


@dataclass(frozen=True, slots=True)
class Step:
    """One node: `id` for programs, `name` for people."""

    id: str
    name: str


CONTEXT = Step("context", "Looking up who you are and what is connected")
VISIT = Step("context", "Opening the booking link")
DECIDE = Step("decide", "Taking down what you decided")
RESPOND = Step("respond", "Working out the answer")
ACTIONS = {
    "plan_steps": "Making a plan",
    "mail_search": "Searching your mail",
    "mail_read": "Reading a message",
    "mail_draft": "Drafting a mail",
    "mail_send": "Sending a mail",
    "mail_reply": "Answering a mail",
    "mail_label": "Sorting your mail",
    "contacts_find": "Looking up a contact",
    "calendar_list": "Looking at your calendar",
    "calendar_availability": "Checking when you are free",
    "calendar_create_event": "Creating a calendar event",
    "calendar_update_event": "Changing a calendar event",
    "calendar_cancel_event": "Cancelling a calendar event",
    "tasks_list": "Looking at your tasks",
    "tasks_create": "Writing down a task",
    "tasks_change": "Changing a task",
    "tasks_delete": "Deleting a task",
    "tasks_complete": "Completing a task",
    "tasks_reopen": "Opening a task again",
    "memory_add": "Remembering something",
    "memory_recall": "Looking at what is remembered",
    "memory_forget": "Forgetting something",
    "notifications_list": "Looking at your notifications",
    "notifications_resolve": "Putting a notification aside",
    "network_sessions": "Looking at what is being agreed on",
    "network_schedule_meeting": "Proposing times for a meeting",
    "network_confirm_meeting": "Confirming a meeting",
    "outlook_mail_search": "Searching your Outlook mail",
    "outlook_mail_read": "Reading a message in Outlook",
    "outlook_mail_draft": "Drafting a mail in Outlook",
    "outlook_mail_send": "Sending a mail from Outlook",
    "outlook_calendar_list": "Looking at your Outlook calendar",
    "outlook_calendar_availability": "Checking when you are free in Outlook",
    "outlook_calendar_create_event": "Creating an event in Outlook",
    "outlook_calendar_update_event": "Changing an event in Outlook",
    "outlook_calendar_cancel_event": "Cancelling an event in Outlook",
    "github_list_repositories": "Looking at your repositories",
    "github_find": "Looking for issues on GitHub",
    "github_read": "Reading an issue on GitHub",
    "github_comment": "Commenting on GitHub",
    "github_create_issue": "Opening an issue on GitHub",
    "slack_list_channels": "Looking at your Slack channels",
    "slack_read_messages": "Reading Slack",
    "slack_post_message": "Posting to Slack",
    "notion_search": "Searching Notion",
    "notion_read_page": "Reading a Notion page",
    "notion_append": "Adding to a Notion page",
    "notion_create_page": "Creating a Notion page",
    "delegation_check_availability": "Looking for free times",
    "delegation_schedule_meeting": "Booking the time",
}


def action(tool: str, round_number: int, call_number: int) -> Step:
    """The step of one tool call."""
    return Step(f"act.{round_number}.{call_number}", ACTIONS.get(tool, f"Using {tool.replace('_', ' ')}"))


def done_sentence(tool: str) -> str:
    """Said of an effect when no engine is left to tell of it."""
    return f"{ACTIONS.get(tool, tool.replace('_', ' '))}: done."


@asynccontextmanager
async def step(live: LiveTurn, node: Step) -> AsyncIterator[None]:
    """Tell when the step starts and ends, and span it. A failure is told and goes on upwards."""
    await live.emit("step.started", step_id=node.id, name=node.name)
    with tracer.span(f"step {node.id.split('.')[0]}", attributes={"adjutant.step": node.id}):
        try:
            yield
        except AdjutantError:
            await live.emit("step.result", step_id=node.id, status="failed")
            raise
        finally:
            await live.emit("step.ended", step_id=node.id)
