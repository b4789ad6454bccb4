"""Everything that is derived from the contracts and lies in the repository: written by one command, checked by another.

`export` writes `contracts/generated`; `check` says what is stale there and what breaks `contracts/released`.
"""

import json
from pathlib import Path
from typing import Any

from contracts.envelope import Service
from libs.bus.asyncapi import document as asyncapi_document
from libs.bus.compatibility import breaking_changes
from libs.bus.permissions import permissions_of
from libs.bus.schemas import documents
from libs.bus.topology import document as topology_document


def export(directory: Path) -> list[Path]:
    """Write all generated files below `directory`, remove stale ones; returns what was written."""
    files = _files()
    for path in _generated(directory):
        if path.relative_to(directory).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [directory / name for name in files]


def release(released: Path) -> list[Path]:
    """Take the present contracts as released: what later changes are compared with. Done once per release."""
    released.mkdir(parents=True, exist_ok=True)
    for path in released.glob("*.json"):
        path.unlink()
    written = []
    for subject, document in documents().items():
        path = released / f"{subject}.json"
        path.write_text(_json(document))
        written.append(path)
    return written


def check(directory: Path, released: Path) -> list[str]:
    """What is wrong, one sentence each: generated files out of date, changes that break what was released."""
    files = _files()
    problems = [f"{name} is not up to date: run `adjutant contracts export`" for name in _stale(directory, files)]
    before = {path.stem: json.loads(path.read_text()) for path in sorted(released.glob("*.json"))}
    return problems + breaking_changes(before, json.loads(json.dumps(documents())))


def _files() -> dict[str, str]:
    """Path below `generated` to its text."""
    files = {"asyncapi.json": _json(asyncapi_document()), "topology.json": _json(topology_document())}
    for subject, document in documents().items():
        files[f"schemas/{subject}.json"] = _json(document)
    for service in Service:
        heading = f"# What {service} may do on the bus. Derived from the contracts.\n"
        files[f"permissions/{service}.conf"] = heading + permissions_of(service).as_config() + "\n"
    return files


def _stale(directory: Path, files: dict[str, str]) -> list[str]:
    there = {path.relative_to(directory).as_posix(): path.read_text() for path in _generated(directory)}
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))


def _generated(directory: Path) -> list[Path]:
    return [path for pattern in ("*.json", "schemas/*.json", "permissions/*.conf") for path in directory.glob(pattern)]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
