"""Writes docs/ownership.md from the docstrings: `python -m tests.house.ownership` (part of `make fmt`).

What a folder owns and never does stands in the docstring of its package; what a file owns, in the first paragraph of
its own; what a file of a certain name never does follows from its role.
"""

import ast
import re
from itertools import groupby
from pathlib import Path

from tests.house.repository import PACKAGES, ROOT, python_files, text_of, tree_of

PAGE = Path("docs/ownership.md")
HEAD = """# Ownership

What each file owns, and what must never leak into it. Written by `make fmt` from the docstrings; a test fails when it
is stale. Under each folder stands what all of it never does.
"""
ROLES = {
    "app.py": "logic: it is the table of contents of its service",
    "settings.py": "behaviour, or a value without unit or reason",
    "deps.py": "behaviour",
    "handlers.py": "SQL, a commit, a `try` or a log line",
    "errors.py": "secrets or personal data in a sentence",
    "tables.py": "queries",
}
FOLDERS = {"contracts": "I/O, behaviour, or one service's messages borrowed by another's"}


def sources() -> tuple[Path, ...]:
    """The files that the page names: ours, without migrations and empty package marks."""
    return tuple(
        path
        for path in python_files(*PACKAGES)
        if "migrations" not in path.parts and (path.name != "__init__.py" or text_of(path).strip())
    )


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for folder, paths in groupby(sources(), key=lambda path: path.parent):
        rows = [f"| `{path}` | {owns(path)}{never(path)} |\n" for path in paths if path.name != "__init__.py"]
        parts.append(f"\n## {folder}\n\n{_about(folder)}")
        parts.extend(["| file | owns |\n|---|---|\n", *rows] if rows else [])
    return "".join(parts).rstrip("\n") + "\n"


def owns(path: Path) -> str:
    """The first paragraph of the docstring."""
    return _paragraphs(path)[0].rstrip(".").replace("|", "\\|")


def never(path: Path) -> str:
    """What would be wrong to find in a file of this name."""
    wrong = ROLES.get(path.name) or FOLDERS.get(str(path.parent))
    return f" · **never** {wrong}" if wrong else ""


def _about(folder: Path) -> str:
    package = folder / "__init__.py"
    if not (ROOT / package).exists() or not text_of(package).strip():
        return ""
    return "\n\n".join(_paragraphs(package)) + "\n\n"


def _paragraphs(path: Path) -> list[str]:
    text = ast.get_docstring(tree_of(path)) or ""
    return [re.sub(r"\s+", " ", paragraph) for paragraph in text.split("\n\n")]


if __name__ == "__main__":
    (ROOT / PAGE).write_text(render(), encoding="utf-8")
