"""Pages that a reader relies on agree with the code."""

import re
from pathlib import Path

from tests.house import decision_index, ownership
from tests.house.repository import ROOT, files, text_of


def test_the_ownership_page_names_every_source_file() -> None:
    page = text_of(ownership.PAGE)

    missing = [str(path) for path in ownership.sources() if path.name != "__init__.py" and f"| `{path}` |" not in page]
    assert missing == [], "run `make fmt`: it writes the page from the docstrings"
    assert page == ownership.render(), "run `make fmt`: it writes the page from the docstrings"


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
    numbers = [page.name[:4] for page in decision_index.pages()]

    assert len(numbers) == len(set(numbers))
    for page in decision_index.pages():
        assert page.read_text().startswith(f"# {page.name[:4]}"), page.name
        assert "\n## Enforced by\n" in page.read_text(), page.name
    assert text_of(decision_index.INDEX) == decision_index.render(), "run `make fmt`: it writes the index"
