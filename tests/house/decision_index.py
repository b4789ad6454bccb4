"""Writes the index of docs/decisions from the titles: `python -m tests.house.decision_index` (part of `make fmt`)."""

from pathlib import Path

from tests.house.repository import ROOT

INDEX = Path("docs/decisions/README.md")
HEAD = """# Decisions

One page each: context, decision, consequences, alternatives, and what enforces it. Superseded, never rewritten.

"""


def pages() -> tuple[Path, ...]:
    """The decisions in the order of their numbers."""
    return tuple(sorted((ROOT / INDEX.parent).glob("[0-9]*.md")))


def render() -> str:
    """The whole index."""
    return HEAD + "".join(
        f"- [{page.read_text().splitlines()[0].removeprefix('# ')}]({page.name})\n" for page in pages()
    )


if __name__ == "__main__":
    (ROOT / INDEX).write_text(render(), encoding="utf-8")
