"""What the emulated model says: the three requests of the main job, a long story, and a greeting for all else.

aimock looks at the last user message for `userMessage`, and for `hasToolResult` and `toolResultContains` only at
what follows it, so a conversation may be as long as it likes. Of several fixtures that match, the first counts.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.sandbox.seeds import SARAH, titles_tomorrow, unread_today

UNREAD = "Show me my unread emails from today"
SCHEDULE = "Schedule a meeting with Sarah tomorrow at 2pm"
CALENDAR = "What is on my calendar tomorrow?"
STORY = "Tell me a long story"
MEETING = "Meeting with Sarah"
GREETING = f'Hello! I stand in for a language model and know three requests: "{UNREAD}", "{SCHEDULE}", "{CALENDAR}".'
"""Said to everything else, too: nobody should take the emulated model for a stupid assistant."""
STORY_SENTENCES = 400
STORY_TOKENS_PER_SECOND = 40

Fixture = dict[str, Any]


def fixtures(now: datetime) -> dict[str, list[Fixture]]:
    """aimock's fixture file."""
    return {
        "fixtures": [
            *_unread(),
            *_schedule(now.astimezone(UTC) + timedelta(days=1)),
            *_calendar(),
            _story(),
            {"match": {"endpoint": "chat"}, "response": _text(GREETING)},
        ]
    }


def _unread() -> list[Fixture]:
    subjects = unread_today()
    answer = f"You have {len(subjects)} unread emails from today:\n" + _listed(subjects)
    return [
        _calls(UNREAD, "mail_search", {"day": "today", "unread": True, "limit": 25}, hasToolResult=False),
        _says(UNREAD, answer, hasToolResult=True),
    ]


def _schedule(tomorrow: datetime) -> list[Fixture]:
    event = {
        "title": MEETING,
        "start": f"{tomorrow:%Y-%m-%d}T14:00:00",
        "duration_minutes": 30,
        "guests": [SARAH],
    }
    done = f'I put "{MEETING}" into your calendar for tomorrow at 14:00, 30 minutes, and invited {SARAH}.'
    failed = "I could not schedule the meeting with Sarah; please try again."
    return [
        # Only the created event's answer has an event_id; both answers have the address.
        _says(SCHEDULE, done, toolResultContains="event_id"),
        _calls(SCHEDULE, "calendar_create_event", event, toolResultContains=SARAH),
        _calls(SCHEDULE, "contacts_find", {"name": "Sarah"}, hasToolResult=False),
        _says(SCHEDULE, failed, hasToolResult=True),
    ]


def _calendar() -> list[Fixture]:
    titles = titles_tomorrow()
    before = "Tomorrow you have:\n"
    return [
        # Says what the provider answered: the meeting is named only when it is there.
        _says(CALENDAR, before + _listed([*titles, MEETING]), toolResultContains=MEETING),
        _calls(CALENDAR, "calendar_list", {"day": "tomorrow"}, hasToolResult=False),
        _says(CALENDAR, before + _listed(titles), hasToolResult=True),
    ]


def _story() -> Fixture:
    """Slow enough to be stopped on the way."""
    sentences = (f"In chapter {n} the engine turned once more, and the cards told it where." for n in range(1, 1000))
    text = " ".join(sentence for sentence, _ in zip(sentences, range(STORY_SENTENCES), strict=False))
    fixture = _says(STORY, text)
    return fixture | {"streamingProfile": {"ttft": 50, "tps": STORY_TOKENS_PER_SECOND}}


def _says(asked: str, text: str, **match: Any) -> Fixture:
    return {"match": {"userMessage": asked, **match}, "response": _text(text)}


def _text(text: str) -> dict[str, Any]:
    return {"content": text, "usage": _usage(len(text) // 4)}


def _calls(asked: str, tool: str, arguments: dict[str, Any], **match: Any) -> Fixture:
    call = {"name": tool, "arguments": json.dumps(arguments)}
    return {"match": {"userMessage": asked, **match}, "response": {"toolCalls": [call], "usage": _usage(30)}}


def _usage(completion: int) -> dict[str, int]:
    """Plausible numbers, always the same, so that a ledger can be checked against them."""
    return {"prompt_tokens": 900, "completion_tokens": completion, "total_tokens": 900 + completion}


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
