"""Whether a changed contract still understands what was released, and is still understood.

Within a version a contract may only gain optional fields. `released` is what is in the field: old senders and
old takers run beside new ones during every upgrade, and fourteen days of events lie in the streams. A new value
in an enumeration is let pass: takers are upgraded before the sender that uses it.
"""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

_KEYWORDS = ("format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


def breaking_changes(released: dict[str, Document], current: dict[str, Document]) -> list[str]:
    """One sentence for each change that breaks; both map subject to `schemas.document`."""
    problems: list[str] = []
    for subject, before in released.items():
        if subject not in current:
            problems.append(f"{before['name']}: the subject {subject} is gone; released versions stay")
        else:
            problems += _of_message(before, current[subject])
    return problems


def _of_message(before: Document, after: Document) -> Iterator[str]:
    name = before["name"]
    if after["name"] != name:
        yield f"{name}: renamed to {after['name']}, which renames its durable consumers"
    for party in ("heard_by", "sent_by", "asked_by", "followed_by"):
        for lost in sorted(set(before.get(party, ())) - set(after.get(party, ()))):
            yield f"{name}: {lost} is no longer in {party}"
    yield from _of_schema(name, _Side(before["schema"]), _Side(after["schema"]))
    if "reply" in before:
        reply = before["reply"]["name"]
        yield from _of_schema(f"{name} → {reply}", _Side(before["reply"]["schema"]), _Side(after["reply"]["schema"]))


class _Side:
    """A schema document with its definitions, able to follow references."""

    def __init__(self, document: Document) -> None:
        self.definitions: Document = document.get("$defs", {})
        self.root: Document = {key: value for key, value in document.items() if key != "$defs"}

    def resolve(self, schema: Document) -> Document:
        """The schema that a reference stands for, with what stands beside the reference."""
        while "$ref" in schema:
            target = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema


def _of_schema(where: str, before: _Side, after: _Side) -> Iterator[str]:
    yield from _compare(where, before.root, after.root, before, after, frozenset())


def _compare(
    where: str, old: Document, new: Document, before: _Side, after: _Side, open_references: frozenset[str]
) -> Iterator[str]:
    reference = old.get("$ref")
    if reference in open_references:
        return  # a model that contains itself
    seen = open_references | {reference} if reference else open_references
    old, new = before.resolve(old), after.resolve(new)
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_choices(where, old, new, before, after, seen)
        return
    if old.get("type") != new.get("type"):
        yield f"{where}: the type was {old.get('type', 'any')}, now is {new.get('type', 'any')}"
        return
    yield from _compare_values(where, old, new)
    yield from _compare_fields(where, old, new, before, after, seen)
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _compare(f"{where}[]", old[key], new[key], before, after, seen)


def _compare_values(where: str, old: Document, new: Document) -> Iterator[str]:
    old_values, new_values = _values(old), _values(new)
    if old_values is not None and new_values is not None:
        for lost in sorted(old_values - new_values):
            yield f"{where}: the value {lost} is gone"
    elif old_values != new_values:
        yield f"{where}: allowed values were {_spoken(old_values)}, now are {_spoken(new_values)}"
    for keyword in _KEYWORDS:
        if old.get(keyword) != new.get(keyword):
            yield f"{where}: {keyword} was {old.get(keyword, 'free')}, now is {new.get(keyword, 'free')}"


def _values(schema: Document) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({str(schema["const"])})
    return frozenset(map(str, schema["enum"])) if "enum" in schema else None


def _spoken(values: frozenset[str] | None) -> str:
    return "free" if values is None else ", ".join(sorted(values))


def _compare_fields(
    where: str, old: Document, new: Document, before: _Side, after: _Side, seen: frozenset[str]
) -> Iterator[str]:
    fields: Document = old.get("properties", {})
    now: Document = new.get("properties", {})
    required_before, required_now = set(old.get("required", ())), set(new.get("required", ()))
    for name, field in fields.items():
        if name not in now:
            yield f"{where}.{name}: the field is gone"
        else:
            yield from _compare(f"{where}.{name}", field, now[name], before, after, seen)
    for name in sorted(required_now - required_before):
        yield f"{where}.{name}: {'the field became' if name in fields else 'the new field is'} required"
    for name in sorted((required_before - required_now) & set(now)):
        yield f"{where}.{name}: the field became optional, which released takers do not expect"


def _compare_choices(
    where: str, old: Document, new: Document, before: _Side, after: _Side, seen: frozenset[str]
) -> Iterator[str]:
    """Optional fields and unions: every old choice must still be there, and no new one that released takers refuse."""
    old_choices = {_kind(choice, before): choice for choice in old.get("anyOf", [old])}
    new_choices = {_kind(choice, after): choice for choice in new.get("anyOf", [new])}
    for kind in sorted(old_choices.keys() - new_choices.keys()):
        yield f"{where}: may no longer be {kind}"
    for kind in sorted(new_choices.keys() - old_choices.keys()):
        yield f"{where}: may now be {kind}, which released takers refuse"
    for kind in old_choices.keys() & new_choices.keys():
        yield from _compare(where, old_choices[kind], new_choices[kind], before, after, seen)


def _kind(schema: Document, side: _Side) -> str:
    resolved = side.resolve(schema)
    return str(resolved.get("type", "any")) + (f" {resolved['title']}" if resolved.get("type") == "object" else "")
