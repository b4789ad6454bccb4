"""What a model's words may not do on the user's screen: fetch, lead away, or say what nobody can see.

An injected sentence in a mail can make a model write a picture whose address carries what it has read: the client that
shows it sends it. So no answer holds a picture, an element that loads something, or a link that carries more than the
conversation has shown; and no invisible characters. It holds for a model that does whatever it is told.

Works on pieces: only the beginning of something that may become a link is held back, at most LONGEST characters.
Code is left as it is, since nobody's screen runs it.
"""

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from functools import cached_property
from urllib.parse import urlsplit

from libs.models.messages import ModelEvent, ModelMessage, TextDelta

LONGEST = 3_000
"""What would be longer is no link any more: its opening mark is taken away."""
LONGEST_PATH = 100
LONGEST_LABEL = 30
"""A part of a host name; a longer one may be a message."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff"
    "\U000e0000-\U000e01ef]"
)
"""Control and format characters; the joiners that scripts and emoji need (U+200C, U+200D, U+FE0F) stay."""
_OPENING = re.compile(r"!\[|[\[<`]|https?://", re.IGNORECASE)
_FENCE = re.compile(r"^[ ]{0,3}(`{3,}(?=[^`]*$)|~{3,})")
_CODE = re.compile(r"(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")
_LINK = re.compile(
    r"!?\[(?P<text>(?:[^\[\]\n]|\[[^\[\]\n]*\](?:\([^()\n]*\))?)*)\]"
    r"\([ ]*<?(?P<url>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?[^)\n]*\)"
)
_BARE = re.compile(r"https?://[^\s<>()\[\]\"'`!]*", re.IGNORECASE)
_TAG = re.compile(r"</?(?P<name>[a-z][a-z0-9-]*)\b[^<>\n]*>|<!--[^\n]*?-->", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(?P<url>https?://[^\s<>]*)>", re.IGNORECASE)
_HARMLESS = frozenset(
    {"b", "i", "u", "s", "em", "strong", "code", "pre", "br", "hr", "p", "ul", "ol", "li", "sub", "sup", "kbd", "del"}
    | {"table", "tr", "td", "th", "thead", "tbody"}
)
_MAY_OPEN = re.compile(r"!$|h(?:t(?:t(?:ps?(?::/?)?)?)?)?$", re.IGNORECASE)
_SPECIAL = re.compile(
    r"[\[<`!~:\n\x00-\x08\x0b-\x1f\x7f-\x9f\xad]|[\u061c\u200b-\u206f\ufe00-\ufeff\U000e0000-\U000e01ef]"
)
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


class OutputFilter:
    """Feed it the pieces of one answer. `material` gives what the conversation has shown: its links may be repeated."""

    def __init__(self, material: Callable[[], str]) -> None:
        self._gather = material
        self._held = ""
        self._line = ""
        """Of the present line, what has been read and is not held."""
        self._last = ""
        """The last character that was told."""
        self._fence = ""
        self._has_stray_tick = False
        """A backtick without a partner in this paragraph: what is code after it is uncertain, so nothing is."""

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        if not self._held and not self._fence and not _SPECIAL.search(piece) and not _MAY_OPEN.search(piece):
            self._line += piece
            self._last = piece[-1:] or self._last
            return piece
        return self._passed(_INVISIBLE.sub("", self._held + piece), is_end=False)

    def end(self) -> str:
        """What was held back."""
        return self._passed(self._held, is_end=True)

    async def over(self, events: AsyncGenerator[ModelEvent, None]) -> AsyncGenerator[ModelEvent, None]:
        """The same events with clean text."""
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta):
                    if text := self.feed(event.text):
                        yield event if text is event.text else TextDelta(text)
                    continue
                if rest := self.end():
                    yield TextDelta(rest)
                yield event

    def _passed(self, text: str, *, is_end: bool) -> str:
        self._held = ""
        shown: list[str] = []
        lines = text.split("\n")
        for number, line in enumerate(lines):
            is_last = number == len(lines) - 1
            shown.append(self._of_line(line, is_whole=is_end or not is_last))
            if not is_last:
                shown.append("\n")
                self._last = "\n"
                self._has_stray_tick = self._has_stray_tick and bool(self._line.strip())
                self._line = ""
        return "".join(shown)

    def _of_line(self, line: str, *, is_whole: bool) -> str:
        """The part of a line that can be told now; the rest is held."""
        opens = _FENCE.match(self._line + line)
        if opens or self._fence:
            if not is_whole and not self._line:
                self._held = line  # whether this line is a fence is seen when it is whole
                return ""
            if is_whole and opens and (not self._fence or opens.group(1).startswith(self._fence)):
                self._fence = "" if self._fence else opens.group(1)
            self._line += line
            return line
        if not is_whole and not self._line and not line.strip(" `~") and line.strip():
            self._held = line
            return ""
        told = _joined(self._parts(line, is_whole=is_whole), self._last)
        self._line += line[: len(line) - len(self._held)]
        self._last = told[-1:] or self._last
        return told

    def _parts(self, line: str, *, is_whole: bool) -> Iterator[str]:
        at = 0
        while (opening := _OPENING.search(line, at)) is not None:
            start = opening.start()
            yield line[at:start]
            end, clean = self._token(line, start, is_whole=is_whole)
            if end is None:
                self._held = line[start:]
                return
            yield clean
            at = end
        rest = line[at:]
        if not is_whole and (tail := _MAY_OPEN.search(rest)):
            self._held = rest[tail.start() :]
            rest = rest[: tail.start()]
        yield rest

    def _token(self, line: str, start: int, *, is_whole: bool) -> tuple[int | None, str]:
        """Where the token that begins here ends, and what is told instead of it; None: it may go on."""
        is_open = not is_whole and len(line) - start < LONGEST
        if line[start] == "`":
            return self._code(line, start, is_whole=is_whole)
        if (link := _LINK.match(line, start)) is not None:
            return link.end(), self._link(self._inside(link["text"]), link["url"])
        if (auto := _AUTOLINK.match(line, start)) is not None:
            return auto.end(), self._bare(auto["url"])
        if (tag := _TAG.match(line, start)) is not None:
            return tag.end(), _harmless(tag)
        if bare := _BARE.match(line, start):
            return (None, "") if is_open and bare.end() == len(line) else (bare.end(), self._bare(bare.group()))
        if is_open and _may_go_on(line[start:]):
            return None, ""
        return self._no_token(line, start)

    def _code(self, line: str, start: int, *, is_whole: bool) -> tuple[int | None, str]:
        code = _CODE.match(line, start)
        if not is_whole and len(line) - start < LONGEST and (code is None or code.end() == len(line)):
            return None, ""
        before = line[start - 1] if start else self._line[-1:]
        if code and before != "\\" and not self._has_stray_tick:
            return code.end(), code.group()
        self._has_stray_tick = True
        return start + 1, "`"

    def _no_token(self, line: str, start: int) -> tuple[int, str]:
        """A mark that opens nothing; `![` is parted, since a definition further down could make a picture of it."""
        if line.startswith("![", start):
            return start + 2, "! ["
        if line.startswith("<", start) and line[start + 1 : start + 2].isalpha():
            return start + 1, "< "
        return start + 1, line[start]

    def _inside(self, text: str) -> str:
        return _joined(self._parts(text, is_whole=True), "") if _OPENING.search(text) else text

    def _link(self, text: str, url: str) -> str:
        if self._may_lead_to(url):
            return f"[{text}]({url})"
        host = _host(url)
        return f"{text} (link left out: {host})" if host else text

    def _bare(self, url: str) -> str:
        if self._may_lead_to(url):
            return url
        return f"(link left out: {_host(url) or 'not an address'})"

    @cached_property
    def _material(self) -> str:
        """Put together when the first link comes; most answers have none."""
        return self._gather()

    def _may_lead_to(self, url: str) -> bool:
        if url and url in self._material:
            return _scheme(url) in _SCHEMES
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if parts.scheme.lower() not in _SCHEMES or parts.query or parts.fragment or parts.username is not None:
            return False
        labels = (parts.hostname or "").split(".")
        return len(parts.path) <= LONGEST_PATH and len(labels) <= 5 and max(map(len, labels)) <= LONGEST_LABEL


def without_invisible(text: str) -> str:
    """Without control and format characters; line ends and tabulators stay."""
    return _INVISIBLE.sub("", text)


def material_of(messages: tuple[ModelMessage, ...]) -> str:
    """Everything the model was shown."""
    return "\n".join(message.text for message in messages)


def _joined(parts: Iterable[str], last: str) -> str:
    """One after the other; two that would make a mark together, now that something between them is gone, are parted."""
    told: list[str] = []
    for part in parts:
        if part:
            makes_mark = (last == "!" and part[0] == "[") or (last == "<" and (part[0].isalpha() or part[0] in "/!"))
            told.append(f" {part}" if makes_mark else part)
            last = part[-1]
    return "".join(told)


def _harmless(tag: re.Match[str]) -> str:
    """Elements that only shape text stay, without what could be written into them."""
    name = (tag["name"] or "").lower()
    if name not in _HARMLESS:
        return ""
    return f"</{name}>" if tag.group().startswith("</") else f"<{name}>"


def _may_go_on(tail: str) -> bool:
    """Whether what stands here may still become a token when more comes."""
    if tail.startswith("<"):
        return len(tail) == 1 or tail[1].isalpha() or tail[1] in "/!"
    inner = tail[2:] if tail.startswith("![") else tail[1:]
    closed = _end_of_brackets(inner)
    return closed is None or closed + 1 == len(inner) or inner[closed + 1] == "("


def _end_of_brackets(inner: str) -> int | None:
    depth = 1
    for at, character in enumerate(inner):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            return at
    return None


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if len(host) <= 2 * LONGEST_LABEL else f"…{host[-2 * LONGEST_LABEL :]}"
