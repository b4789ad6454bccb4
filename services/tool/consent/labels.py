"""How a person reads the name of an argument, and of what was read."""

LABELS = {
    "to": "To",
    "cc": "Copy to",
    "bcc": "Blind copy to",
    "guests": "Guests",
    "start": "Begins",
    "end": "Ends",
    "due": "Due",
    "duration_minutes": "Minutes",
    "body": "Text",
    "text": "Text",
}
READ = {
    "mail": "a mail",
    "outlook_mail": "a mail",
    "calendar": "your calendar",
    "outlook_calendar": "your calendar",
    "contacts": "your contacts",
    "github": "GitHub",
    "slack": "Slack",
    "notion": "Notion",
    "tasks": "your tasks",
    "notifications": "a notification",
    "memory": "what is remembered",
    "network": "a negotiation",
}
"""Where a tool reads, by the beginning of its name."""


def label(name: str) -> str:
    """`Copy to` for `cc`, and for `cc[2]` too."""
    plain = name.partition("[")[0].partition(".")[0]
    return LABELS.get(plain) or plain.replace("_", " ").capitalize()


def which(name: str) -> str:
    """`Which event` for `event_id`: an id says nothing to a person."""
    return f"Which {name.removesuffix('_id').replace('_', ' ')}"


def in_words(source: str) -> str:
    """`a mail (Re: your invoice)` for `mail_read: Re: your invoice`."""
    tool, _, title = source.partition(": ")
    beginnings = [beginning for beginning in READ if tool.startswith(f"{beginning}_")]
    place = READ[max(beginnings, key=len)] if beginnings else tool.replace("_", " ")
    return f"{place} ({title})" if title else place
