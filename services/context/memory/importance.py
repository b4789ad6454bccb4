"""How important an entry is where nobody said so: counted from what it is, without asking a model.

    kind            goal 0.5, preference and person 0.45, fact 0.35
    named           + 0.10   somebody gave it a key: it is meant to be asked for
    lasting words   + 0.25   always, never, allergic, birthday, address, … (English and German)
    short           + 0.05   up to 120 characters: a fact rather than a story; above 500 it is 0.10 less
    of others       - 0.20   the user's own word counts for more

The sum, kept between 0.05 and 0.95: above and below stand only entries that somebody weighed.
"""

from contracts.memory import MemoryKind
from services.context.memory.words import words

_KINDS = {MemoryKind.GOAL: 0.5, MemoryKind.PREFERENCE: 0.45, MemoryKind.PERSON: 0.45, MemoryKind.FACT: 0.35}
_NAMED, _LASTING, _SHORT, _LONG, _OF_OTHERS = 0.1, 0.25, 0.05, -0.1, -0.2
_SHORT_CHARS, _LONG_CHARS = 120, 500
_LOWEST, _HIGHEST = 0.05, 0.95

_LASTING_WORDS = words(
    """
    always never prefer prefers preference favourite favorite hate hates allergic allergy allergies intolerant vegan
    vegetarian kosher halal diabetic medication emergency birthday anniversary born married wife husband partner
    daughter son children mother father sister brother address lives phone passport pronouns important remember
    deadline
    immer nie niemals bevorzuge bevorzugt bevorzugen liebster liebste lieblings hasse hasst allergisch allergie
    unverträglich vegetarisch vegetarier veganer koscher diabetiker medikament notfall geburtstag hochzeitstag jahrestag
    geboren verheiratet frau ehemann partnerin tochter sohn mutter vater schwester bruder adresse anschrift
    wohne wohnt telefon reisepass wichtig merke merken frist
    """
)


def importance(text: str, kind: MemoryKind, *, named: bool, from_others: bool) -> float:
    """From 0.05 to 0.95."""
    total = _KINDS[kind]
    total += _NAMED if named else 0
    total += _LASTING if words(text) & _LASTING_WORDS else 0
    total += _SHORT if len(text) <= _SHORT_CHARS else _LONG if len(text) > _LONG_CHARS else 0
    total += _OF_OTHERS if from_others else 0
    return round(min(_HIGHEST, max(_LOWEST, total)), 2)
