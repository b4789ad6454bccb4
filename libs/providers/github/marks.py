"""How something we wrote at GitHub is found again: a comment in its text that Markdown does not show.

GitHub takes no key that would make a second request harmless; its Markdown keeps HTML comments in a body and does not
render them (GitHub Flavored Markdown specification, "HTML blocks").
"""

import re

_MARK = re.compile(r"\s*<!-- adjutant:[A-Za-z0-9_]{1,64} -->\s*$")


def marked(text: str, execution_id: str) -> str:
    """The text with the mark of this execution at its end."""
    return f"{text}\n\n{_mark(execution_id)}".lstrip()


def is_marked(body: object, execution_id: str) -> bool:
    """Whether it was written by this execution. At the end only: a quotation of it is not it."""
    return isinstance(body, str) and body.rstrip().endswith(_mark(execution_id))


def without_mark(body: str) -> str:
    """As its writer meant it."""
    return _MARK.sub("", body)


def _mark(execution_id: str) -> str:
    return f"<!-- adjutant:{execution_id} -->"
