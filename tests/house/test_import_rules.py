"""Every import rule is seen to catch what it is there for: in a copy, each one is broken on purpose."""

import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.house.repository import ROOT, python_files

# One violation per rule: the file that commits it, and the line.
PLANTED = {
    "layers": ("libs/resilience/planted.py", "import services.chat"),
    "services": ("services/sync/planted.py", "import services.voice.settings"),
    "messages": ("libs/bus/planted.py", "import contracts.chat"),
    "catalog": ("services/tool/planted.py", "import contracts.catalog"),
    "contract_modules": ("contracts/voice.py", "import contracts.sync"),
    "contracts_are_pure": ("contracts/money.py", "import httpx"),
    "surfaces": ("services/voice/planted.py", "import services.voice.handlers"),
    "bus_owner": ("services/chat/planted.py", "import nats"),
    "database_owner": ("services/context/planted.py", "import asyncpg"),
    "model_sdk_owner": ("services/chat/planted_too.py", "import openai"),
    "google_sdk_owner": ("services/tool/planted_too.py", "import googleapiclient"),
    "password_owner": ("services/oauth/planted.py", "import argon2"),
    "no_cycles": ("libs/resilience/planted_too.py", "import libs.bus"),
    "outside_view": ("tests/chaos/planted.py", "import services.chat.settings"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of the copy with all violations."""
    copy = tmp_path_factory.mktemp("planted")
    for path in python_files("contracts", "libs", "services", "tests"):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    shutil.copy(ROOT / ".importlinter", copy)
    for file, line in PLANTED.values():
        with (copy / file).open("a") as opened:
            opened.write(f"\n{line}\n")
    linted = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 1, linted.stdout + linted.stderr
    return linted.stdout


def rules() -> dict[str, str]:
    """The rules of .importlinter: id and name."""
    parsed = ConfigParser()
    parsed.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {section.removeprefix(prefix): parsed[section]["name"] for section in parsed if section.startswith(prefix)}


def test_every_rule_has_a_violation_to_catch() -> None:
    assert set(rules()) == set(PLANTED)


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_violation_is_caught(rule: str, report: str) -> None:
    assert f"{rules()[rule]} BROKEN" in " ".join(report.split())


def test_there_are_no_exceptions() -> None:
    assert "ignore_imports" not in (ROOT / ".importlinter").read_text()
