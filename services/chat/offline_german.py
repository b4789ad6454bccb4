"""German requests to the offline engine, said again in its own English. What no sentence here fits stays as it is.

Whole sentences only: a request that is understood in part would schedule the wrong thing. Names and titles are kept.
"""

import re
from collections.abc import Callable

_WEEKDAYS = {
    "montag": "Monday",
    "dienstag": "Tuesday",
    "mittwoch": "Wednesday",
    "donnerstag": "Thursday",
    "freitag": "Friday",
    "samstag": "Saturday",
    "sonnabend": "Saturday",
    "sonntag": "Sunday",
}
_DAYS = {
    "heute": "today",
    "morgen": "tomorrow",
    "\u00fcbermorgen": "day after tomorrow",
    "gestern": "yesterday",
} | _WEEKDAYS
_KINDS = {
    "termin": "meeting",
    "treffen": "meeting",
    "meeting": "meeting",
    "besprechung": "meeting",
    "anruf": "call",
    "telefonat": "call",
    "mittagessen": "lunch",
    "abendessen": "dinner",
    "kaffee": "coffee",
}
_DAY = rf"(?:(?:am|an|von|f\u00fcr|bis(?:\s+zum)?)\s+)?(?:n\u00e4chsten\s+)?(?P<day>{'|'.join(_DAYS)})"
_AT = r"(?:um\s+)?(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?(?:\s*uhr(?:\s+(?P<past>\d{2}))?)?"
_FROM_TO = r"(?:zwischen|von)\s+(?P<first>\d{1,2})\s+(?:uhr\s+)?(?:und|bis)\s+(?P<last>\d{1,2})(?:\s*uhr)?"
_PLEASE = r"(?:(?:bitte|hallo|hi|hey|kannst\s+du|k\u00f6nntest\s+du|mir|mal)[\s,!]+)*"
_END = r"(?:[\s,]+bitte)?\s*[.?!]*"
Said = re.Match[str]


def _day(found: Said) -> str:
    day = found.groupdict().get("day")
    return f" {_DAYS[day.lower()]}" if day else ""


def _clock(found: Said) -> str:
    minute = found["minute"] or found["past"] or "00"
    return f" at {int(found['hour']):02}:{minute}"


def _calendar(found: Said) -> str:
    return f"What is on my calendar{_day(found) or ' today'}?"


def _mails(found: Said) -> str:
    unread = "unread " if found["unread"] else ""
    who = f" from {found['who']}" if found["who"] else ""
    return f"Show me my {unread}mails{who}{_day(found)}"


def _free(found: Said) -> str:
    between = f" between {int(found['first']):02}:00 and {int(found['last']):02}:00" if found["first"] else ""
    at = _clock(found) if found["hour"] else ""
    return f"Am I free{_day(found) or ' today'}{between}{at}?"


def _meeting(found: Said) -> str:
    who = re.sub(r"\s+und\s+", " and ", found["who"])
    return f"Schedule a {_KINDS[found['kind'].lower()]} with {who}{_day(found)}{_clock(found)}"


def _task(found: Said) -> str:
    what = found["what"].strip(" ,.!?").replace('"', "")
    return f'Add a task "{what[:1].upper()}{what[1:]}"{_day(found)}'


def _done(found: Said) -> str:
    return f'Mark "{found["what"].strip(chr(34))}" as done'


_SENTENCES: tuple[tuple[str, Callable[[Said], str]], ...] = (
    (
        rf"(?:was\s+(?:steht|habe\s+ich|ist)|zeige?)\s+(?:mir\s+)?(?:{_DAY}\s+)?(?:(?:in|auf|an)\s+)?mein(?:e[mn])?\s+kalender",
        _calendar,
    ),
    (rf"(?:was\s+steht|zeige?)\s+(?:in\s+|auf\s+)?mein(?:em|en)?\s+kalender\s+{_DAY}", _calendar),
    (rf"was\s+(?:habe\s+ich|steht)\s+{_DAY}\s+(?:vor|an)", _calendar),
    (rf"(?:welche\s+termine\s+habe\s+ich|habe\s+ich\s+termine)(?:\s+{_DAY})?", _calendar),
    (
        r"(?:zeige?(?:\s+mir)?|habe\s+ich|gibt\s+es|welche)\s+(?:alle\s+)?(?:meine[n]?\s+)?"
        rf"(?P<unread>(?:ungelesene|neue)[nr]?\s+)?(?:e-?)?(?:mails?|nachrichten)(?:\s+von\s+(?!{'|'.join(_DAYS)})"
        rf"(?P<who>[\w.@-]+(?:\s+[\w.@-]+)?))?(?:\s+{_DAY})?(?:\s+habe\s+ich)?",
        _mails,
    ),
    (rf"(?:bin\s+ich|habe\s+ich)(?:\s+{_DAY})?(?:\s+(?:{_FROM_TO}|{_AT}))?\s+(?:frei|zeit)", _free),
    (
        r"(?:plane?|vereinbare?|erstelle?|mache?|trage?|setze?|lege?)\s+(?:bitte\s+)?(?:mir\s+)?(?:eine?n?\s+)?"
        rf"(?P<kind>{'|'.join(_KINDS)})\s+mit\s+(?P<who>[\w.@+-]+(?:\s+(?!am\b|um\b)[\w.@+-]+){{0,4}}?)\s+{_DAY}\s+{_AT}"
        r"(?:\s+(?:ein|an|aus))?",
        _meeting,
    ),
    (
        r"(?:was\s+sind|zeige?(?:\s+mir)?|welche\s+sind)\s+(?:alle\s+)?meine\s+(?:offenen\s+)?aufgaben",
        lambda _: "my tasks",
    ),
    (r"welche\s+aufgaben\s+habe\s+ich(?:\s+noch)?", lambda _: "my tasks"),
    (
        rf"erinnere?\s+mich\s+(?:(?:{_DAY})\s+)?(?:daran\s*,?\s*|an\s+(?!{'|'.join(_DAYS)}))(?P<what>\S.*)",
        _task,
    ),
    (rf"(?:neue\s+aufgabe|aufgabe|to-?do)\s*:\s*(?P<what>\S.*?)(?:\s+{_DAY})?", _task),
    (
        r"(?:markiere?|hake?)\s+(?:die\s+aufgabe\s+)?(?P<what>\S.*?)\s+(?:als\s+(?:erledigt|fertig)|ab)",
        _done,
    ),
)
_COMPILED = tuple((re.compile(_PLEASE + pattern + _END, re.IGNORECASE), say) for pattern, say in _SENTENCES)
LONGEST = 300
"""In characters: these are sentences, no letters."""


def in_english(text: str) -> str | None:
    """The same request in English, or None."""
    if len(text) > LONGEST:
        return None
    for pattern, say in _COMPILED:
        if found := pattern.fullmatch(text):
            return say(found)
    return None
