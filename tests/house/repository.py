"""The repository as the house rules see it: what belongs to us, found through git so that leftovers do not count."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "libs", "services")
GENERATED = ("contracts/generated/", "contracts/released/")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or is about to be, under version control; relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(sorted(Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()))


def python_files(*top: str) -> tuple[Path, ...]:
    """Our Python files below these folders; all of them when none is named."""
    return tuple(path for path in files() if path.suffix == ".py" and (not top or path.parts[0] in top))


def text_of(path: Path) -> str:
    """The file as text; bytes that are no UTF-8 are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@cache
def tree_of(path: Path) -> ast.Module:
    """The file as a syntax tree."""
    return ast.parse(text_of(path), filename=str(path))
