"""What a tool does, as it stands after "It would like to"."""

DEEDS = {
    "mail_draft": "draft a mail",
    "mail_send": "send a mail",
    "mail_reply": "answer a mail",
    "mail_label": "sort a mail",
    "calendar_create_event": "create a calendar event",
    "calendar_update_event": "change a calendar event",
    "calendar_cancel_event": "cancel a calendar event",
    "outlook_mail_draft": "draft a mail in Outlook",
    "outlook_mail_send": "send a mail from Outlook",
    "outlook_calendar_create_event": "create an event in Outlook",
    "outlook_calendar_update_event": "change an event in Outlook",
    "outlook_calendar_cancel_event": "cancel an event in Outlook",
    "github_comment": "comment on GitHub",
    "github_create_issue": "open an issue on GitHub",
    "slack_post_message": "post to Slack",
    "notion_append": "add to a Notion page",
    "notion_create_page": "create a Notion page",
    "tasks_create": "write down a task",
    "tasks_change": "change a task",
    "tasks_delete": "delete a task for good",
    "tasks_complete": "mark a task as done",
    "tasks_reopen": "open a task again",
    "network_schedule_meeting": "propose times for a meeting, or answer such a proposal",
    "network_confirm_meeting": "put a meeting into your calendar and another user's",
    "memory_add": "remember something",
    "memory_forget": "forget something for good",
    "notifications_resolve": "put a notification aside",
}


def deed(tool: str) -> str:
    """Of a tool that is not in the table: that it is used."""
    return DEEDS.get(tool, f"use {tool.replace('_', ' ')}")
