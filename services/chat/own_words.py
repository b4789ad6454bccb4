"""Words as they are compared: what carries meaning, what is taken for the same, and which signs are no words at all."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_][\w@.+'-]*[^\W_]|[^\W_]")
_RUN = re.compile(r"(?:(?:[^\w\s]|_)\s*){5,}|[^\S\n]{3,}|\n{4,}")
_COMMON = """
    a an the and or with for at on in of to my me i is it re by
    meeting call appointment event task mail message note lunch dinner coffee sync
    der die das und mit fur um am im in zu termin treffen anruf aufgabe
"""
COMMON = frozenset(_COMMON.split())
"""Words that carry nothing: a title may have them though the user did not say them."""


def words(text: str) -> set[str]:
    """All of them, in plain form."""
    return set(_WORD.findall(plain(text)))


def telling(text: str) -> list[str]:
    """Those that carry something, in plain form and in their order."""
    return [word for word in _WORD.findall(plain(text)) if word not in COMMON]


def plain(text: str) -> str:
    """Lower case, without accents and without what cannot be seen."""
    spread = unicodedata.normalize("NFKD", text)
    return "".join(c for c in spread if not unicodedata.combining(c) and unicodedata.category(c) != "Cf").casefold()


def composed(text: str) -> str:
    """Lower case, and nothing else taken for the same: for addresses, where an accent makes another one."""
    return unicodedata.normalize("NFC", text).lower()


def has_only_signs_of(text: str, own: str) -> bool:
    """Whether its signs, but for letters, digits and punctuation, stand in `own` (composed), and so do runs of signs.

    Braille, boxed letters, marks on letters and rows of dots spell out words that are none to us.
    """
    seen = composed(text)
    strange = {c for c in seen if not (c.isalnum() or c.isspace() or unicodedata.category(c)[0] == "P")}
    runs = [found.group().strip() for found in _RUN.finditer(seen)]
    return strange <= set(own) and all(run and run in own for run in runs)
