"""Understanding a request for a meeting: title, guests, start, duration."""

import re
from datetime import UTC, date, datetime, timedelta

from services.chat.offline_clock import Clock, moment, take_clock, take_duration
from services.chat.offline_days import MASK, NotClear, spoken, take_day
from services.chat.offline_intents import Intent, Schedule

DEFAULT_MINUTES = 30
MAX_TITLE = 200
AGAIN = 'Please say it in one sentence, for example: "Schedule a meeting with Sarah tomorrow at 2pm".'
ADDRESS = re.compile(r"\w[\w.+%'-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}")
_QUOTE = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']{2,})'(?!\w)")
_QUOTE_MARK = "\N{SYMBOL FOR SUBSTITUTE}"
_GUESTS = re.compile(r"\b(?:with|invit(?:e|ing)|between\s+me\s+and)\s+", re.IGNORECASE)
_ENDS = rf"[{MASK}{_QUOTE_MARK}]|\b(?:about|regarding|on|at|for|in|to|from|into|called|titled|named|starting|lasting)\b"
_ENDS_GUESTS = re.compile(_ENDS + r"|[.?!](?:\s|$)|\bplease\b", re.IGNORECASE)
_ENDS_TITLE = re.compile(_ENDS + r"|\b(?:with|inviting|invite|please)\b|[.?!](?:\s|$)", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:called|titled|named)\s+", re.IGNORECASE)
_ABOUT = re.compile(r"\b(?:about|regarding|to\s+(?:discuss|talk\s+about))\s+", re.IGNORECASE)
_BETWEEN_NAMES = re.compile(r"\s*(?:,|;|&|\+(?=\s)|\band\b)\s*", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:(?:an?|the|my|new|me|us|up|of|invite)\s+|(?:an?|the|my|new|of|up)$)+", re.IGNORECASE)
_BEFORE_TITLE = re.compile(rf"^(?:\s|(?:an?|the|my)\s|[{MASK}](?!\s*'))+", re.IGNORECASE)
_A_WEEKDAY = re.compile(
    r"\b(?:on\s+|coming\s+)?(?:mon|tues?|wed|thu|thurs?|fri|sat|sun)(?:day|nesday|urday)?\b", re.IGNORECASE
)
_TODAY = re.compile(r"\btoday\b|\btonight\b|\d{4}-", re.IGNORECASE)
_FOR = re.compile(r"\b(?:for|to)\s+", re.IGNORECASE)
BLOCKED = "Blocked"
_NOBODY = frozenset({"", "me", "myself", "us", "mr", "mrs", "ms", "dr"})


def take_quotes(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with a mark for each quotation, and the quotations: what is in them is never read as a request."""
    quotes = tuple(next(filter(None, found.groups())).strip() for found in _QUOTE.finditer(text))
    return _QUOTE.sub(f" {_QUOTE_MARK} ", text.replace(_QUOTE_MARK, " ")), tuple(filter(None, quotes))


def schedule(request: str, quotes: tuple[str, ...], now: datetime, *, is_block: bool = False) -> Intent:
    """The meeting asked for in what follows the verb, or the time to be blocked. Raises NotClear."""
    addresses = ADDRESS.findall(request)
    # An address may hold what looks like a day or a time; it is put aside before those are read.
    for number, address in enumerate(addresses):
        request = request.replace(address, f"@{chr(0xE000 + number)}", 1)
    day, rest = take_day(request, now.date())
    duration, rest = take_duration(rest)
    clock, rest = take_clock(rest)
    guests = tuple(dict.fromkeys(_restored(name, addresses) for name in _guests(rest)))
    title = _blocked_for(rest, quotes) if is_block else _title(rest, quotes, guests)
    start = _start(day, clock, title, now)
    if start <= now and day == now.date() and _A_WEEKDAY.search(request) and not _TODAY.search(request):
        # "On Friday at 10", said on a Friday at noon, is next week's.
        start = _start(now.date() + timedelta(days=7), clock, title, now)
    if start.astimezone(UTC) <= now.astimezone(UTC):
        raise NotClear(f"{start:%H:%M} on {spoken(start.date())} is in the past. When should it be? {AGAIN}")
    minutes = (clock.lasts if clock else None) or duration or DEFAULT_MINUTES
    return Schedule(title, start, minutes, guests)


def _start(day: date | None, clock: Clock | None, title: str, now: datetime) -> datetime:
    on = day if day is not None else now.date()
    if clock is None:
        when = "When" if day is None else f"At what time on {spoken(on)}"
        raise NotClear(f'{when} should "{title}" begin? {AGAIN}')
    return moment(on, clock.minute, now.tzinfo or UTC)


def _guests(text: str) -> list[str]:
    """Names after "with"; addresses count wherever they stand."""
    names: list[str] = []
    for found in _GUESTS.finditer(text):
        listed = _ENDS_GUESTS.split(text[found.end() :], maxsplit=1)[0]
        names += [_ARTICLE.sub("", name).strip(" .'!?") for name in _BETWEEN_NAMES.split(listed)]
    names += re.findall(r"@[\ue000-\uf8ff]", text)
    return [name for name in dict.fromkeys(names) if name.lower() not in _NOBODY and re.search(r"\w|@", name)]


def _restored(name: str, addresses: list[str]) -> str:
    """An address put back in the place of its sign; "Sarah @sign" is the address alone."""
    sign = re.search(r"@([\ue000-\uf8ff])", name)
    index = ord(sign[1]) - 0xE000 if sign else -1
    if 0 <= index < len(addresses):
        return addresses[index]
    return _printable(name)[:MAX_TITLE]


def _title(text: str, quotes: tuple[str, ...], guests: tuple[str, ...]) -> str:
    if quotes:
        return _printable(quotes[0])[:MAX_TITLE] or "Meeting"
    if (named := _part_after(_NAMED, text)) is not None:
        return named[:MAX_TITLE]
    subject = _part(text) or "meeting"
    title = subject[0].upper() + subject[1:]
    if guests:
        title += " with " + " and ".join(filter(None, (", ".join(map(_as_name, guests[:-1])), _as_name(guests[-1]))))
    if (topic := _part_after(_ABOUT, text)) is not None:
        title += f": {topic}"
    return title[:MAX_TITLE]


def _blocked_for(text: str, quotes: tuple[str, ...]) -> str:
    """What the time is for, if that is said in words that mean something by themselves."""
    if quotes:
        return _printable(quotes[0])[:MAX_TITLE] or BLOCKED
    purpose = _part_after(_FOR, text) or ""
    return BLOCKED if purpose.lower() in ("", "it", "this", "that", "them") else purpose[0].upper() + purpose[1:]


def _part_after(introduction: re.Pattern[str], text: str) -> str | None:
    found = introduction.search(text)
    return (_part(text[found.end() :]) or None) if found else None


def _part(text: str) -> str:
    """The words up to where something else begins, without articles, addresses and odd characters."""
    begun = _BEFORE_TITLE.sub("", text)
    words = _ARTICLE.sub("", _ENDS_TITLE.split(begun, maxsplit=1)[0].strip())
    return _printable(re.sub(r"@?[\ue000-\uf8ff]", "", words)).strip(" ,.;:-")


def _as_name(guest: str) -> str:
    return guest if "@" in guest or not guest.islower() else guest.title()


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
