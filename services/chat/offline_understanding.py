"""From an English sentence to an intent, by patterns. What is unsure is asked: one intent sends invitations."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from services.chat.offline_clock import DAY_MINUTES, later, moment, take_clock
from services.chat.offline_days import MASK, NotClear, take_day
from services.chat.offline_german import in_english
from services.chat.offline_intents import AskFree, Help, Intent, ReadCalendar, ReadMail, Unclear
from services.chat.offline_memory import memory_intent
from services.chat.offline_scheduling import ADDRESS, DEFAULT_MINUTES, schedule, take_quotes
from services.chat.offline_tasks import task_intent, tasks_asked

MAX_CHARACTERS = 2000
NOT_UNDERSTOOD = (
    "I did not understand that. In this mode I understand plain English and some German: I can list your mails, "
    "show your calendar, say whether you are free, keep your tasks, remember things, and schedule meetings, "
    'for example: "Schedule a meeting with Sarah tomorrow at 2pm".'
)
CANNOT = (
    "I can only list mails, read the calendar, schedule new meetings, keep tasks and remember things in this mode; "
    "I cannot do that."
)
_PLAIN = str.maketrans({MASK: " ", "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'"})
_DASHES = str.maketrans({"\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{NON-BREAKING HYPHEN}": "-"})
_POLITE = (
    r"^(?:(?:please|hey|hi|hello|ok|okay|now|and|then|just|so|adjutant|(?:can|could|would|will)\s+you|help\s+me"
    r"|(?:i\s+(?:want|need|would\s+like)|i'd\s+like)\s+(?:you\s+)?(?:to)?|let'?s|go\s+ahead\s+and)\b[\s,!:]*)*"
)
_SCHEDULE = re.compile(
    _POLITE + r"(?:(?:re)?schedule\b(?!\s+(?:for|on)\b)|book\b|block\b|reserve\b|set\s?up\b|arrange\b|create\b"
    r"|organi[sz]e\b|plan\b|add\b|put\b|(?=invite\b)|(?=(?:an?\s+|the\s+)?(?:meeting|call|lunch|dinner|coffee)\s+with\b)|meet\s+(?=with\b)|make\b)\s*",
    re.IGNORECASE,
)
_BLOCK = re.compile(r".*\b(?:block|reserve)$", re.IGNORECASE)
_ELSE = re.compile(
    _POLITE + r"(?:cancel|delete|remove|move|postpone|reschedule|change|edit|reply|respond|answer|forward|archive"
    r"|mark|send|write|draft|compose|schicke?|sende|schreibe?|antworte?|l\u00f6sche?|verschiebe?|storniere?|leite|sage?"
    r"|(?:e-?)?mail\s+(?!from\b|by\b)(?=\w+\s+(?:that|to|about)\b))\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b(?:e-?mails?|mails?|mailbox|inbox|messages?|unread)\b|\bwrit(?:e|ten)\s+(?:to\s+)?me\b", re.I)
_FREE = re.compile(r"\b(?:free|available|availability|busy|have\s+time|any\s+time)\b", re.IGNORECASE)
_CALENDAR = re.compile(
    r"\b(?:calendar|schedule|agenda|meetings?|events?|appointments?|plans?)\b"
    r"|\bwhat(?:'?s|\s+is|\s+do\s+i\s+have|\s+have\s+i|\s+am\s+i\s+doing)\b",
    re.IGNORECASE,
)
_HELP = re.compile(r"\bhelp\b|\bwhat\s+(?:can|do)\s+you\b|^\W*(?:hi|hello|hey|good\s+\w+)\b[^\w]*(?:there)?\W*$", re.I)
_UNREAD = re.compile(r"\b(?:unread|new|not\s+read|haven'?t\s+read)\b", re.IGNORECASE)
_READ = re.compile(r"\balready\s+read\b|\bhave\s+read\b", re.IGNORECASE)
_NAME = r"(?P<name>[\w.'@+-]+(?:\s+[\w.'@+-]+){0,4})"
_FROM = re.compile(rf"\b(?:from|by)\s+(?:my\s+|the\s+)?{_NAME}", re.IGNORECASE)
_DID = re.compile(rf"\b(?:did|has)\s+{_NAME}?\s+(?:e-?mail(?:ed)?|writ(?:e|ten)|send|sent|message)\b", re.IGNORECASE)
_WHOSE = re.compile(
    r"\b(?P<name>[\w.@+-]+(?:\s+[\w.@+-]+)?)'s?\s+(?:(?:last|latest|newest|most\s+recent|recent|new|unread)\s+)*"
    r"(?:e-?mails?|mails?|messages?)\b",
    re.IGNORECASE,
)
_LAST = re.compile(r"\b(?:last|latest|newest|most\s+recent)\s+(?:unread\s+)?(?:e-?mail|mail|message)\b", re.IGNORECASE)
_BEFORE_NAME = re.compile(
    r"^(?:(?:me|find|show|read|open|list|is|was|about|what|the|my|in|look|for|at|up|to)\b\s*)+", re.I
)
_ENDS_NAME = re.compile(
    r"\b(?:about|regarding|that|which|who|with|in|on|at|to|since|and|or|are|is|do|did|please|received|sent|me"
    r"|(?:any|every|some)(?:one|body)|you|there|today|yesterday|if|than|as|for)\b",
    re.IGNORECASE,
)
_PARTS_OF_DAY = (
    (re.compile(r"\bmorning\b", re.IGNORECASE), (8 * 60, 12 * 60)),
    (re.compile(r"\bafternoon\b", re.IGNORECASE), (12 * 60, 18 * 60)),
    (re.compile(r"\b(?:evening|tonight)\b", re.IGNORECASE), (18 * 60, 22 * 60)),
)


def understand(text: str, now: datetime) -> Intent:
    """What the user wants. `now` is aware, in the user's zone: "tomorrow" is relative to it. Never raises."""
    text = " ".join(text[:MAX_CHARACTERS].translate(_PLAIN).split())
    if remembering := memory_intent(text):
        return remembering
    text = in_english(text) or text
    unquoted, quotes = take_quotes(text)
    unquoted = unquoted.translate(_DASHES)
    try:
        if task := task_intent(unquoted, quotes, now):
            return task
        if _ELSE.search(unquoted):
            return Unclear(CANNOT)
        if found := _SCHEDULE.search(unquoted):
            return schedule(unquoted[found.end() :], quotes, now, is_block=bool(_BLOCK.match(found[0].strip())))
        if tasks := tasks_asked(unquoted, now):
            return tasks
        if _MAIL.search(unquoted):
            return _mail(unquoted, now)
        if _FREE.search(unquoted):
            return _free(unquoted, now)
        if _HELP.search(unquoted) or not text:
            return Help()
        if _CALENDAR.search(unquoted):
            return _calendar(unquoted, now)
    except NotClear as unclear:
        return Unclear(unclear.question)
    return Unclear(NOT_UNDERSTOOD)


def _mail(text: str, now: datetime) -> Intent:
    address = ADDRESS.search(text)
    if address:
        text = text.replace(address[0], "")  # it may hold what looks like a day
    day, rest = take_day(text, now.date(), past=True)
    unread = True if _UNREAD.search(rest) else False if _READ.search(rest) else None
    found = _FROM.search(rest) or _DID.search(rest)
    named = _ENDS_NAME.split(found["name"] or "", maxsplit=1)[0].strip(" .'-") if found else ""
    if not found and (whose := _WHOSE.search(rest)):
        named = _BEFORE_NAME.sub("", whose["name"]).strip(" .'-")
    sender = address[0] if address else named
    return ReadMail(day.isoformat() if day else None, unread, sender or None, bool(_LAST.search(rest)))


def _calendar(text: str, now: datetime) -> Intent:
    day, _ = take_day(text, now.date())
    if day is None and not re.search(r"\b(?:calendar|schedule|agenda|meetings?|events?|appointments?)\b", text, re.I):
        return Unclear(NOT_UNDERSTOOD)
    return ReadCalendar((day or now.date()).isoformat())


def _free(text: str, now: datetime) -> Intent:
    day, rest = take_day(text, now.date())
    on, zone = day or now.date(), now.tzinfo or UTC
    clock, rest = take_clock(rest)
    if clock is None:
        part = next((bounds for pattern, bounds in _PARTS_OF_DAY if pattern.search(text)), (0, DAY_MINUTES))
        start, end = part
    elif clock.lead in {"before", "until", "by"} and clock.minute:
        start, end = 0, clock.minute
    elif clock.lead == "after":
        start, end = clock.minute, DAY_MINUTES
    else:
        begin = moment(on, clock.minute, zone)
        return AskFree(begin, later(begin, clock.lasts or DEFAULT_MINUTES))
    return AskFree(_edge(on, start, zone), _edge(on, end, zone))


def _edge(on: date, minute: int, zone: tzinfo) -> datetime:
    """The bound of a part of a day; where clocks change at midnight, the day begins when it does."""
    wall = datetime.combine(on, time(), zone) + timedelta(minutes=minute)
    return wall.astimezone(UTC).astimezone(zone)
