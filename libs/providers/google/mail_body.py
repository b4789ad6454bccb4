"""The readable text of a mail, out of the MIME tree that Gmail sends as JSON."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from email.message import Message
from html.parser import HTMLParser
from typing import Any

MAX_BODY_CHARACTERS = 20_000
MAX_DEPTH = 12
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote"})

Part = Mapping[str, Any]


def body_text(payload: Part, limit: int = MAX_BODY_CHARACTERS) -> tuple[str, bool]:
    """Plain text of the mail, and whether it was cut at `limit` characters. HTML counts when there is no plain part."""
    texts = [part for part in _leaves(payload) if not part.get("filename")]
    plain = [_decoded(part) for part in texts if part.get("mimeType") == "text/plain"]
    if not any(text.strip() for text in plain):
        plain = [html_to_text(_decoded(part)) for part in texts if part.get("mimeType") == "text/html"]
    text = "\n".join(plain).replace("\r\n", "\n").replace("\x00", "").strip()
    return text[:limit], len(text) > limit


def attachment_names(payload: Part) -> tuple[str, ...]:
    """File names of what is attached, at most 50."""
    return tuple(str(part["filename"])[:200] for part in _leaves(payload) if part.get("filename"))[:50]


def html_to_text(html: str) -> str:
    """What a reader would see, roughly: no scripts, no styles, no remote anything."""
    reader = _VisibleText()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


class _VisibleText(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)


def _leaves(part: Part, depth: int = 0) -> Iterator[Part]:
    children = part.get("parts") or ()
    if not children:
        yield part
    elif depth < MAX_DEPTH:
        for child in children:
            yield from _leaves(child, depth + 1)


def _decoded(part: Part) -> str:
    """Gmail undoes the transfer encoding and leaves the charset to the reader."""
    try:
        # Padding is optional in Gmail's base64url; too much of it does no harm.
        raw = base64.urlsafe_b64decode(str(part.get("body", {}).get("data", "")) + "==")
    except binascii.Error:
        return ""
    try:
        return raw.decode(_charset(part), "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _charset(part: Part) -> str:
    header = Message()
    for line in part.get("headers") or ():
        if str(line.get("name", "")).lower() == "content-type":
            header["Content-Type"] = str(line.get("value", "")).replace("\n", " ").replace("\r", " ")
            break
    return header.get_content_charset("utf-8") or "utf-8"
