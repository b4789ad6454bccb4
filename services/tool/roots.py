"""What of a call stems from others, kept beside its arguments: for tools that keep texts. A pure function of both.

The safe side: of a call of which nothing is known, or that a program asked for, everything is of others. Once texts of
outsiders had been read, everything is that the user did not say in so many words. Before that, nothing can be.
"""

import json
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.actions import Origin, Provenance, ReadActivity, leaves

STRETCH = 5
"""So many letters and digits in a row, taken over from a text of others, make an edited text theirs still."""
ALL = ""
"""In place of a path: every argument."""


class Foreign(BaseModel):
    """An argument that holds, or may hold, text of others; and what that was read in, where it is known."""

    model_config = ConfigDict(frozen=True)

    argument: str
    activities: tuple[ReadActivity, ...] = ()


class Roots(BaseModel):
    """Of one call."""

    model_config = ConfigDict(frozen=True)

    others: tuple[Foreign, ...] = (Foreign(argument=ALL),)
    conversation_id: str | None = None

    def others_in(self, *arguments: str) -> tuple[Foreign, ...]:
        """What of these arguments, or a part of them, may be of others."""
        return tuple(each for each in self.others if _name(each.argument) in (ALL, *arguments))


UNKNOWN = Roots()


def roots_of(provenance: Provenance | None, arguments_json: str) -> Roots:
    """Of a call as it was asked for."""
    if provenance is None or provenance.via == "program":
        return UNKNOWN
    return Roots(
        others=tuple(_foreign(provenance, arguments_json)),
        conversation_id=provenance.conversation_id,
    )


def after_edit(roots: Roots, before_json: str, after_json: str) -> Roots:
    """What the user typed themselves is theirs, as far as nothing of others is left in it."""
    before, after = dict(leaves("", _loaded(before_json))), dict(leaves("", _loaded(after_json)))
    known = {each.argument: each for each in roots.others}
    foreign = {path: value for path, value in before.items() if path in known or ALL in known}
    suspects = [path for path, value in after.items() if path in foreign or value != before.get(path)]
    kept = [path for path in suspects if _keeps_any(after[path], foreign.values())]
    read = tuple(dict.fromkeys(activity for each in roots.others for activity in each.activities))
    others = tuple(known.get(path) or Foreign(argument=path, activities=read) for path in kept)
    return roots.model_copy(update={"others": others})


def _foreign(provenance: Provenance, arguments_json: str) -> Iterator[Foreign]:
    origins = {each.argument: each for each in provenance.arguments}
    for path, value in leaves("", _loaded(arguments_json)):
        known = origins.get(path)
        origin = known.origin if known else Origin.MODEL
        if value in (None, "") or origin is Origin.USER:
            continue
        if origin is Origin.UNTRUSTED or provenance.read_untrusted:
            read = (known.activity,) if known and known.activity else provenance.activities
            yield Foreign(argument=path, activities=read)


def _keeps_any(value: Any, foreign: Collection[Any]) -> bool:
    kept = _signs(value)
    stretches = _stretches(kept)
    return any(not stretches.isdisjoint(_stretches(text)) or kept == text for text in map(_signs, foreign) if text)


def _stretches(signs: str) -> set[str]:
    return {signs[at : at + STRETCH] for at in range(len(signs) - STRETCH + 1)}


def _signs(value: Any) -> str:
    """Letters and digits only, in one case and without accents."""
    if value is None or isinstance(value, bool):
        return ""
    return "".join(c for c in unicodedata.normalize("NFKD", str(value)).casefold() if c.isalnum())


def _name(path: str) -> str:
    """Of the argument that the path begins with."""
    return path.replace("[", ".").partition(".")[0]


def _loaded(arguments_json: str) -> Any:
    try:
        return json.loads(arguments_json)
    except ValueError:
        return {}
