"""Pages that a reader relies on agree with the code."""

import re
from pathlib import Path

from tests.house.repository import PACKAGES, ROOT, files, python_files, text_of


def test_the_ownership_page_names_every_source_file() -> None:
    page = text_of(Path("docs/ownership.md"))
    named = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    sources = {str(path) for path in python_files(*PACKAGES) if path.name != "__init__.py" or text_of(path).strip()}
    sources = {path for path in sources if "/migrations/" not in path}

    assert sources - named == set(), "say in docs/ownership.md what it owns and what it never does"
    assert {path for path in named if not (ROOT / path).exists()} == set(), "gone, but still on the page"


def test_links_between_pages_lead_somewhere() -> None:
    for page in (path for path in files() if path.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", text_of(page)):
            assert (ROOT / page.parent / target).exists(), f"{page} points to {target}"


def test_every_verb_the_readme_promises_exists() -> None:
    makefile = text_of(Path("Makefile"))
    pages = "\n".join(text_of(path) for path in files() if path.suffix == ".md")

    for verb in set(re.findall(r"`?\bmake ([a-z]+)\b(?=`|\s*$|\s+[A-Z]+=)", pages, re.MULTILINE)):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), f"make {verb}"


def test_a_decision_says_what_enforces_it_and_stands_in_the_index() -> None:
    index = text_of(Path("docs/decisions/README.md"))
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]

    assert len(numbers) == len(set(numbers))
    for page in pages:
        text = page.read_text()
        title = text.splitlines()[0].removeprefix("# ")
        assert re.match(r"^\d{4}: ", title), page.name
        assert "\n## Enforced by\n" in text, page.name
        assert f"[{title}]({page.name})" in index, page.name
