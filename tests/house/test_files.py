"""The listing reads like a table of contents, and a stranger's machine needs nothing of ours."""

import re
from importlib.metadata import packages_distributions

import pytest

from contracts.envelope import Service
from tests.house.repository import GENERATED, PACKAGES, ROOT, files, python_files, text_of

_DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "shared", "base_classes"}
_MAX_LINES = 400
_LOCKS = ("requirements.lock", "package-lock.json")
# Assembled, so that this file does not accuse itself.
_MACHINE_PATHS = re.compile(
    "|".join("/" + rest for rest in ("root/", "home/[a-z]", "work/", "Users/", "tmp/lab", "opt/wheels"))
)
_TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".conf", ".cfg", ".ini", ".lock", ".sql", ".mako", ".sh", ""}


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path): lines
        for path in python_files()
        if not str(path).startswith(GENERATED) and (lines := text_of(path).count("\n")) > _MAX_LINES
    }

    assert long == {}, "look for the second noun"


def test_there_are_no_drawers() -> None:
    assert [str(path) for path in files() if _DRAWERS & {part.removesuffix(".py") for part in path.parts}] == []


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for path in files():
        if path.name in _LOCKS:
            assert "://" not in text_of(path).replace("https://opencollective.com", ""), f"{path} names an address"
    assert "--hash=sha256:" in text_of(files()[files().index(_lock())])


def _lock() -> object:
    return next(path for path in files() if path.name == "requirements.lock")


def test_nothing_names_a_path_of_one_machine() -> None:
    found = [
        f"{path}:{number}"
        for path in files()
        if path.suffix in _TEXT and path.name != "package-lock.json"
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if _MACHINE_PATHS.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("name", PACKAGES)
def test_our_import_names_belong_to_us_alone(name: str) -> None:
    assert set(packages_distributions().get(name, ["adjutant"])) == {"adjutant"}


@pytest.mark.parametrize("name", tuple(Service))
def test_every_service_has_the_same_anatomy(name: Service) -> None:
    folder = ROOT / "services" / name
    expected = {"__init__.py", "app.py", "settings.py", "deps.py", "tables.py"}

    assert expected <= {path.name for path in folder.iterdir()}
    assert (folder / ("routes" if name is Service.GATEWAY else "handlers.py")).exists() or (
        folder / "handlers"
    ).is_dir()
    assert "never" in (folder / "__init__.py").read_text(), "say what it owns and what it never does"
    assert (folder / "migrations" / "env.py").exists()


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path)
        for path in python_files(*PACKAGES)
        if text_of(path).strip() and not text_of(path).lstrip().startswith(('"""', 'r"""'))
    ]

    assert silent == []
