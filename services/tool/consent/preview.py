"""What would happen, as a person reads it: a title, who receives what, times written out, names in place of ids."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.actions import Preview, PreviewField, leaves
from services.tool import times
from services.tool.arguments import Arguments
from services.tool.consent.labels import label
from services.tool.consent.legible import legible
from services.tool.consent_facts import NAME
from services.tool.errors import TimeNotUnderstood
from services.tool.registry import Tool
from services.tool.windows import in_words

LONGEST_VALUE = 4_000
LONGEST_TITLE = 300
LONGEST_PART = 120
LONGEST_ADDRESS = 70
NAMED_RECEIVERS = 3
TIMES = frozenset({"start", "end", "due", "day", "until", "new_start", "new_end"})
Shown = tuple[PreviewField, ...]


def preview_of(
    tool: Tool[Any], arguments: Arguments, reasons: tuple[str, ...], now: datetime, tz: ZoneInfo, shown: Shown = ()
) -> Preview:
    """What it acts on, as `shown` (`consent.sight`), then every argument that was given, as it will be used."""
    given = arguments.model_dump(mode="json", exclude_unset=True)
    write = _writer(given, now, tz, f" ({tz.key})")
    fields = tuple(
        PreviewField(label=label(name), value=write(name)[: None if name in tool.facts.recipients else LONGEST_VALUE])
        for name in _written_out(tool, given, bool(shown))
    )
    say = _writer(given, now, tz)
    return Preview(
        title=title_of(tool, given, say, shown),
        fields=(*shown, *fields),
        reasons=reasons,
        arguments=json.dumps(given),
        plain_title=title_of(tool, given, say),
    )


def shown_in(tool: Tool[Any], preview: Preview, edited: Arguments) -> Shown:
    """What had been looked up for it, if the call as edited still acts on the same."""
    before, after = json.loads(preview.arguments), edited.model_dump(mode="json", exclude_unset=True)
    if any(before.get(name) != after.get(name) for name in tool.facts.acts_on):
        return ()
    return preview.fields[: len(preview.fields) - len(_written_out(tool, before, True))]


def title_of(tool: Tool[Any], given: dict[str, Any], write: Callable[[str], str], shown: Shown = ()) -> str:
    """`Send a mail to sarah@example.com: Lunch`."""
    sentence = tool.facts.doing or tool.name.replace("_", " ").capitalize()
    for before, name in tool.facts.told:
        if name == NAME:
            value = shown[0].value if shown else ""
        else:
            value = _several(given[name]) if isinstance(given.get(name), list) else write(name) if name in given else ""
        if value:
            sentence += f"{before}{value if name in tool.facts.recipients else legible(value, LONGEST_PART)}"
    return legible(sentence, LONGEST_TITLE)


def recipients_of(tool: Tool[Any], given: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Argument paths and values of everybody who gets something."""
    return tuple(leaf for name in tool.facts.recipients if name in given for leaf in _texts(name, given[name]))


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """What was given, as text."""
    return ((place, str(inner)) for place, inner in leaves(path, value) if inner is not None)


def _written_out(tool: Tool[Any], given: dict[str, Any], is_shown: bool) -> list[str]:
    """The arguments that get a line of their own, those first that say who receives something."""
    hidden = tool.facts.acts_on if is_shown else ()
    told = [name for name, value in given.items() if value not in (None, [], "") and name not in hidden]
    return sorted(told, key=lambda name: name not in tool.facts.recipients)


def _several(values: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(values) - NAMED_RECEIVERS
    named = ", ".join(_address(value) for value in values[:NAMED_RECEIVERS])
    return f"{named} and {more} more" if more > 0 else named


def _address(value: str) -> str:
    """Of a long one the end, which says whose it is, is not what is left out."""
    return value if len(value) <= LONGEST_ADDRESS else f"{value[:20]}…{value[21 - LONGEST_ADDRESS :]}"


def _writer(given: dict[str, Any], now: datetime, tz: ZoneInfo, zone: str = "") -> Callable[[str], str]:
    """How a person reads an argument by its name; `zone` is said after each time."""

    def write(name: str) -> str:
        value = given[name]
        if name in TIMES and isinstance(value, str):
            return _time(value, _moments_before(name, given, now, tz), tz, zone)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "\n".join(inner for _, inner in _texts("", value)) if isinstance(value, list | dict) else str(value)

    return write


def _moments_before(name: str, given: dict[str, Any], now: datetime, tz: ZoneInfo) -> tuple[datetime, ...]:
    """What words for a time may be relative to. An end is relative to its start; if that is not said, nobody knows."""
    if name not in ("end", "new_end"):
        return (now,)
    start = given.get(name.replace("end", "start"))
    try:
        return (times.moment(start, tz, now).at,) if isinstance(start, str) else (now, now + timedelta(days=3))
    except TimeNotUnderstood:
        return (now, now + timedelta(days=3))


def _time(text: str, relative_to: tuple[datetime, ...], tz: ZoneInfo, zone: str) -> str:
    """A moment, or a day. What cannot be read for certain stays as it was written."""
    found = {_moment_or_day(text, now, tz) for now in relative_to}
    at = found.pop()
    if at is None or found:
        return text
    return f"{in_words(at, tz)}{zone if isinstance(at, datetime) else ''}"


def _moment_or_day(text: str, now: datetime, tz: ZoneInfo) -> datetime | date | None:
    try:
        return times.moment(text, tz, now, what="time").at
    except TimeNotUnderstood:
        pass
    try:
        return times.day(text, tz, now)
    except TimeNotUnderstood:
        return None
