"""What a page or a data source is called, wherever Notion has put it."""

from typing import Any


def title_of(row: dict[str, Any]) -> str:
    """A data source has its title at the top, a page in the one property of that type."""
    parts = row.get("title")
    if not isinstance(parts, list):
        properties = (row.get("properties") or {}).values()
        parts = next((each.get("title") for each in properties if each.get("type") == "title"), None)
    text = "".join(str(part.get("plain_text", "")) for part in parts or () if isinstance(part, dict))
    return "".join(character for character in text if character.isprintable())[:300]
