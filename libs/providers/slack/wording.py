"""Slack's way to write text, to and from what people and models write. Pure.

Source: Slack's documentation, "Formatting text with mrkdwn": `&`, `<` and `>` are escaped; `<@U1>`, `<#C1|name>`,
`<!here>` and `<address|label>` mean something.
"""

import re
from collections.abc import Mapping

_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,30})(?:\|[^<>]*)?>")
_WRITTEN_MENTION = re.compile(r"&lt;@([UW][A-Z0-9]{2,30})&gt;")


def escaped(text: str) -> str:
    """Exactly these characters, except that people may be mentioned as `<@U123>`.

    A text cannot call a whole channel by `<!channel>`, or hide an address behind a label: it may hold what an outsider
    wrote.
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _WRITTEN_MENTION.sub(r"<@\1>", safe)


def mentioned(text: str) -> list[str]:
    """Ids of the people that a text mentions."""
    return _MENTION.findall(text)


def readable(text: str, names: Mapping[str, str]) -> str:
    """As a person sees it: names instead of ids, addresses beside their labels."""

    def shown(match: re.Match[str]) -> str:
        kind, value, label = match[1], match[2], match[3]
        if kind == "@":
            return f"@{names.get(value) or label or value}"
        if kind == "#":
            return f"#{label or value}"
        if kind == "!":
            return label or f"@{value.partition('^')[0]}"
        return f"{label} ({value})" if label and label != value else value

    plain = _MARKUP.sub(shown, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
