"""Plain Markdown to Notion's blocks, and the line by which what we wrote is found again. Pure.

Notion has no hidden place for a reference and takes no key that would make a second request harmless, so the last
block of what we write says who wrote it. Source: Notion's documentation, "Block" and "Request limits": a text of 2,000
characters, 100 blocks a request.
"""

import hashlib
import re
from typing import Any

MAX_BLOCKS = 100
TEXT_CHARACTERS = 2_000
_REFERENCE = "Added by Adjutant, ref "
_REFERENCE_LINE = re.compile(rf"\n*^{_REFERENCE}[0-9a-f]{{16}}$", re.MULTILINE)
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^### (.+)$"), "heading_3"),
    (re.compile(r"^## (.+)$"), "heading_2"),
    (re.compile(r"^# (.+)$"), "heading_1"),
    (re.compile(r"^\s*[-*] \[[ xX]\] (.+)$"), "to_do"),
    (re.compile(r"^\s*[-*] (.+)$"), "bulleted_list_item"),
    (re.compile(r"^\s*\d{1,3}[.)] (.+)$"), "numbered_list_item"),
)
_DONE = re.compile(r"^\s*[-*] \[[xX]\] ")


def reference(execution_id: str) -> str:
    """The line that ends what this execution writes."""
    return _REFERENCE + hashlib.sha256(f"adjutant notion {execution_id}".encode()).hexdigest()[:16]


def without_references(text: str) -> str:
    """As its writers meant it."""
    return _REFERENCE_LINE.sub("", text)


def blocks_of(text: str, execution_id: str) -> list[dict[str, Any]]:
    """A block for each line that is not empty, and the reference. Raises ValueError when there are too many."""
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    if len(lines) >= MAX_BLOCKS:
        raise ValueError(f"at most {MAX_BLOCKS - 1} lines can be added at once")
    return [*map(_block, lines), _of_kind("paragraph", reference(execution_id))]


def plain_text(block: dict[str, Any]) -> str:
    """What a block says, without its children."""
    content = block.get(str(block.get("type"))) or {}
    parts = content.get("rich_text") or () if isinstance(content, dict) else ()
    return "".join(str(part.get("plain_text") or (part.get("text") or {}).get("content") or "") for part in parts)


def _block(line: str) -> dict[str, Any]:
    for pattern, kind in _KINDS:
        if found := pattern.match(line):
            block = _of_kind(kind, found[1])
            if kind == "to_do":
                block[kind]["checked"] = bool(_DONE.match(line))
            return block
    return _of_kind("paragraph", line)


def _of_kind(kind: str, text: str) -> dict[str, Any]:
    pieces = [text[at : at + TEXT_CHARACTERS] for at in range(0, len(text), TEXT_CHARACTERS)]
    rich_text = [{"type": "text", "text": {"content": piece}} for piece in pieces]
    return {"type": kind, kind: {"rich_text": rich_text}}
