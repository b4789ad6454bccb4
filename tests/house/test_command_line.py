"""What the pages and the deployments tell people to type exists; what is generated is fresh."""

import re
import subprocess
import sys
from pathlib import Path

import typer
import yaml

from libs.runtime.cli import app
from tests.house.repository import ROOT, files, text_of


def commands() -> dict[str, set[str]]:
    """Every command with its subcommands."""
    group = typer.main.get_command(app)
    return {name: set(getattr(command, "commands", {})) for name, command in getattr(group, "commands", {}).items()}


def test_every_command_that_the_pages_name_exists() -> None:
    known = commands()
    pages = "\n".join(text_of(path) for path in files() if path.suffix == ".md")

    for name, sub in re.findall(r"(?:`|bin/|^)adjutant ([a-z][a-z-]*)(?: ([a-z]+)\b)?", pages, re.MULTILINE):
        assert name in known, f"adjutant {name}"
        if known[name] and sub:
            assert sub in known[name], f"adjutant {name} {sub}"


def test_every_container_runs_a_command_that_exists() -> None:
    for path in (ROOT / "deploy" / "compose").glob("*.yml"):
        for service in yaml.safe_load(path.read_text())["services"].values():
            if str(service["image"]).startswith("adjutant-"):
                assert service["command"][0] in commands()


def test_generated_files_are_fresh_and_nothing_released_is_broken() -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).parent / "adjutant"), "contracts", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
