"""The type checker is part of the design: here it is tested like the rest of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT

_ERROR = re.compile(r":(\d+): error:")
_FILES = sorted(path.name for path in Path(__file__).parent.glob("refused_*.py"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _FILES)
def test_the_type_checker_refuses_exactly_the_marked_lines(name: str) -> None:
    path = Path(__file__).parent / name
    marked = {n for n, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# refused")}

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [line for line in checked.stdout.splitlines() if name in line]
    refused = {int(found[1]) for line in lines if (found := _ERROR.search(line))}
    assert refused == marked, checked.stdout + checked.stderr
