"""Texts as sets of words that can be compared: accents, umlauts, plurals and words without weight are folded away.

Made for English and German. Other languages lose nothing but their own endings; Chinese and Japanese, which write no
spaces, are compared by pairs of characters.
"""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_UMLAUT = re.compile(r"(?<=[aou])e")
_ENDINGS = ("ern", "em", "en", "er", "es", "e")
_NO_PLURAL = ("ss", "us", "is")
_SHORTEST_STEM = 4

_STOPPED = """
a about after all also am an and any are as at be been but by can could did do does for from get give had has have he
her here him his how i if in into is it its just know let like me more most my no not now of on one or our out over
please say she should so some such tell than that the their them then there these they this to too up us very want was
we were what when where which who whom whose why will with would you your
d don doesn didn isn ll m re s t ve wasn
aber alle als also am an auch auf aus bei bin bis bist bitte da damit das dass dein deine dem den denn der des die dir
doch du durch ein eine einem einen einer eines er es euch fuer gern gerne hab habe haben hast hat hatte ich ihm ihn ihr
ihre im in ist ja kann kein keine mal man mein meine meinem meinen meiner mich mir mit muss nach nicht noch nun nur
oder ohne schon sein seine sich sie sind so soll ueber um und uns unser von vor war was weil welche wenn wer werden wie
wieso will wir wird wo wurde zu zum zur
"""


def words(text: str, stems: dict[str, str] | None = None) -> frozenset[str]:
    """The words that carry meaning, folded: `Lieblingsstädte` and `lieblingsstaedten` give the same one.

    `stems` remembers what was folded, where many texts are read: their words are mostly the same.
    """
    stems = {} if stems is None else stems
    written = set(_WORD.findall(_folded(text))) - _STOP_WORDS
    found = set()
    for word in written:
        if (stem := stems.get(word)) is not None:
            found.add(stem)
        elif not word.isascii() and _UNSPACED.search(word):
            found.update(_pairs(word))
        else:
            found.add(stems.setdefault(word, _stem(word)))
    return frozenset(found)


def plain_text(text: str) -> str:
    """The text as it is compared with another one: case, spaces, kinds of characters and the last full stop aside."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!")


def plain_key(key: str | None) -> str | None:
    """The name as it is kept: `Home-Address` is `home_address`; nothing for a blank."""
    folded = unicodedata.normalize("NFKC", key or "").casefold()
    return re.sub(r"[\s_,.;:/-]+", "_", folded).strip("_") or None


def _folded(text: str) -> str:
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    # München, Muenchen and Munchen are one town.
    return _UMLAUT.sub("", folded)


def _stem(word: str) -> str:
    """Without its ending; as light as the stemmers of J. Savoy (UniNE), which is enough for plurals and cases."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    if word.endswith("s") and len(word) >= _SHORTEST_STEM and not word.endswith(_NO_PLURAL):
        return word[:-1]
    return f"{word[:-1]}i" if word.endswith("y") and len(word) > _SHORTEST_STEM else word


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)} or {word}


_STOP_WORDS = frozenset(_folded(_STOPPED).split())
