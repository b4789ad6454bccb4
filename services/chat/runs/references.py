"""Values of later steps that earlier ones find out: `{"$from": "find", "path": "contacts[only].address"}`. Pure.

A path is names and indices: `a.b[0].c`; `[only]` asks that the list has exactly one element, so that nobody is invited
because they happen to come first. An empty path is the whole result.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"(?:^|\.)([A-Za-z_][A-Za-z0-9_-]{0,60})|\[(\d{1,4}|only)\]")
MAX_DEPTH = 20
MAX_PATH_CHARACTERS = 200


class MalformedReference(ValueError):
    """Looks like a reference and is none; the message says why."""


class ReferenceMissing(Exception):
    """The result has nothing at that place; the message says so without quoting it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an argument's value comes from. `argument` is its own place: `guests[0]`."""

    argument: str
    step: str
    path: str


def references(arguments: Mapping[str, Any]) -> tuple[Reference, ...]:
    """All of them. Raises MalformedReference."""
    return tuple(_references(arguments, "", 0))


def resolved(arguments: Mapping[str, Any], results: Mapping[str, str]) -> dict[str, Any]:
    """The arguments with the values in place; `results` are JSON texts by step. Raises ReferenceMissing."""
    decoded: dict[str, Any] = {}
    value = _resolved(dict(arguments), results, decoded)
    assert isinstance(value, dict)
    return value


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value with its place, references as they are: `guests[0]`."""
    if is_reference(value) or not isinstance(value, dict | list):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{place}.{name}" if place else str(name))
    else:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{place}[{index}]")


def is_reference(value: Any) -> bool:
    """Whether this stands for a result."""
    return isinstance(value, dict) and "$from" in value


def _references(value: Any, place: str, depth: int) -> Iterator[Reference]:
    if depth > MAX_DEPTH:
        raise MalformedReference("its arguments are nested too deep.")
    if is_reference(value):
        yield _reference(value, place)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _references(inner, f"{place}.{name}" if place else str(name), depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _references(inner, f"{place}[{index}]", depth + 1)


def _reference(value: Mapping[str, Any], place: str) -> Reference:
    step, path = value["$from"], value.get("path", "")
    if not isinstance(step, str) or not isinstance(path, str) or set(value) - {"$from", "path"}:
        raise MalformedReference('a reference is {"$from": "<step id>", "path": "a.b[0]"} and nothing else.')
    _parts(path)
    return Reference(place, step, path)


def _parts(path: str) -> list[str | int]:
    parts: list[str | int] = []
    end = 0
    for found in _PART.finditer(path):
        if found.start() != end:
            break
        end = found.end()
        name, index = found.groups()
        parts.append(name if name is not None else -1 if index == "only" else int(index))
    if end != len(path) or len(path) > MAX_PATH_CHARACTERS:
        raise MalformedReference("a path is made of names and indices, such as contacts[0].address.")
    return parts


def _resolved(value: Any, results: Mapping[str, str], decoded: dict[str, Any]) -> Any:
    if is_reference(value):
        reference = _reference(value, "")
        if reference.step not in results:
            raise ReferenceMissing(f"There is no result of {reference.step}.")
        if reference.step not in decoded:
            decoded[reference.step] = json.loads(results[reference.step])
        return _at(decoded[reference.step], reference)
    if isinstance(value, dict):
        return {name: _resolved(inner, results, decoded) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, results, decoded) for inner in value]
    return value


def _at(value: Any, reference: Reference) -> Any:
    for part in _parts(reference.path):
        if part == -1:
            if not isinstance(value, list) or len(value) != 1:
                count = len(value) if isinstance(value, list) else "no list of"
                what = f"{count} results" if count else "nothing"
                raise ReferenceMissing(f"Step {reference.step} found {what}, and exactly one is needed here.")
            value = value[0]
        elif isinstance(part, int):
            if not isinstance(value, list) or part >= len(value):
                raise ReferenceMissing(f"The result of {reference.step} has nothing at {reference.path}.")
            value = value[part]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            raise ReferenceMissing(f"The result of {reference.step} has nothing at {reference.path}.")
    return value
