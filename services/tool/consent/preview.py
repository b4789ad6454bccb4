"""What would happen, as a person reads it: a title, who receives what, times written out."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts.actions import Preview, PreviewField
from services.tool import times
from services.tool.arguments import Arguments
from services.tool.errors import TimeNotUnderstood
from services.tool.registry import Tool

LONGEST_VALUE = 4_000
TIMES = frozenset({"start", "end", "due", "day", "until", "new_start", "new_end"})
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


def preview_of(tool: Tool[Any], arguments: Arguments, reasons: tuple[str, ...], now: datetime, tz: ZoneInfo) -> Preview:
    """Every argument that was given, with its value as it will be used."""
    given = arguments.model_dump(mode="json", exclude_unset=True)
    fields = tuple(
        PreviewField(label=_label(name), value=_written(name, value, now, tz)[:LONGEST_VALUE])
        for name, value in given.items()
        if value not in (None, [], "")
    )
    return Preview(title=title_of(tool, given), fields=fields, reasons=reasons, arguments=json.dumps(given))


def title_of(tool: Tool[Any], given: dict[str, Any]) -> str:
    """`Send a mail: to sarah@example.com`."""
    receivers = ", ".join(value for _, value in recipients_of(tool, given))
    doing = tool.facts.doing or tool.name.replace("_", " ").capitalize()
    return f"{doing}: to {receivers}"[:300] if receivers else doing


def recipients_of(tool: Tool[Any], given: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Argument paths and values of everybody who gets something."""
    return tuple(leaf for name in tool.facts.recipients if name in given for leaf in leaves(name, given[name]))


def leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every value below, with its path: `guests[2]`, counted from one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from leaves(f"{path}[{number}]", inner)
    elif value is not None:
        yield path, str(value)


def _label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def _written(name: str, value: Any, now: datetime, tz: ZoneInfo) -> str:
    if name in TIMES and isinstance(value, str):
        return _time(value, now, tz)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "\n".join(inner for _, inner in leaves("", value)) if isinstance(value, list | dict) else str(value)


def _time(text: str, now: datetime, tz: ZoneInfo) -> str:
    try:
        at = times.moment(text, tz, now, what="time").at
    except TimeNotUnderstood:
        return text
    return f"{at:%A, %d %B %Y, %H:%M} ({tz.key})"
