"""What is found in a text: one cheap expression each, and a check that tells the real thing from what looks like it.

Every repetition has a bound, so that no text makes an expression slow.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from libs.privacy import checksums


class Kind(StrEnum):
    """What a hit is; its placeholder says so."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    IBAN = "IBAN"
    NATIONAL_ID = "ID"
    SECRET = "SECRET"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a text."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Detector:
    """`mark` has to be in the text for the expression to be worth trying; empty: always."""

    kind: Kind
    expression: re.Pattern[str]
    is_real: Callable[[str], bool]
    mark: str = ""


def hits(text: str, kinds: frozenset[Kind]) -> list[Hit]:
    """In order and without overlaps; where two overlap the one that begins earlier counts, then the longer one."""
    found = sorted(_all(text, kinds), key=lambda hit: (hit.start, -hit.end))
    kept: list[Hit] = []
    for hit in found:
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept


def _all(text: str, kinds: frozenset[Kind]) -> Iterator[Hit]:
    for detector in DETECTORS:
        if detector.kind in kinds and detector.mark in text:
            for match in detector.expression.finditer(text):
                if detector.is_real(match.group()):
                    yield Hit(match.start(), match.end(), detector.kind)


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")


def _always(text: str) -> bool:
    return True


def _phone(text: str) -> bool:
    """An international number that is given out somewhere. National ones look like any other number."""
    import phonenumbers

    if not 7 <= len(_digits(text)) <= 15:
        return False
    try:
        number = phonenumbers.parse("+" + text[2:] if text.startswith("00") else text, None)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(number))


def _card(text: str) -> bool:
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and checksums.luhn(digits)


def _iban(text: str) -> bool:
    bare = text.replace(" ", "")
    return 15 <= len(bare) <= 34 and checksums.iban(bare)


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


_BEFORE, _AFTER = r"(?<![A-Za-z0-9_.+-])", r"(?![A-Za-z0-9_])"
_SECRETS = (
    r"sk-[A-Za-z0-9_-]{20,200}",
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,255}",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"glpat-[A-Za-z0-9_-]{20,64}",
    r"[rs]k_live_[0-9A-Za-z]{16,128}",
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}",
    r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}",
)

DETECTORS = (
    Detector(
        Kind.EMAIL,
        _regex(
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
            r"[A-Za-z]{2,24}(?![A-Za-z0-9-])"
        ),
        _always,
        "@",
    ),
    Detector(Kind.PHONE, _regex(r"(?<![A-Za-z0-9_+])\+[1-9](?:[ ()./-]{0,3}\d){6,14}(?!\d)"), _phone, "+"),
    Detector(Kind.PHONE, _regex(r"(?<![A-Za-z0-9_.,+-])00[1-9](?:[ ()./-]{0,3}\d){6,14}(?!\d)"), _phone, "00"),
    Detector(Kind.CARD, _regex(r"(?<![A-Za-z0-9_.,+-])[2-6](?:[ -]?\d){12,18}(?![A-Za-z0-9_])"), _card),
    Detector(Kind.IBAN, _regex(rf"{_BEFORE}[A-Z]{{2}}\d{{2}}(?: ?[A-Z0-9]){{11,30}}{_AFTER}"), _iban),
    Detector(
        Kind.NATIONAL_ID,
        _regex(rf"{_BEFORE}\d{{3}}-\d{{2}}-\d{{4}}{_AFTER}"),
        lambda text: checksums.us_social_security(_digits(text)),
        "-",
    ),
    Detector(
        Kind.NATIONAL_ID,
        _regex(rf"{_BEFORE}\d{{2}} ?\d{{3}} ?\d{{3}} ?\d{{3}}{_AFTER}"),
        lambda text: checksums.german_tax_id(_digits(text)),
    ),
    Detector(
        Kind.NATIONAL_ID,
        _regex(
            rf"{_BEFORE}(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{{2}} ?\d{{2}} ?\d{{2}} ?"
            rf"[A-D]{_AFTER}"
        ),
        _always,
    ),
    Detector(
        Kind.NATIONAL_ID,
        _regex(rf"{_BEFORE}\d{{8}}[A-HJ-NP-TV-Z]{_AFTER}"),
        checksums.spanish_dni,
    ),
    Detector(
        Kind.NATIONAL_ID,
        _regex(rf"{_BEFORE}[12] ?\d{{2}} ?(?:0[1-9]|1[0-2]) ?\d{{2}} ?\d{{3}} ?\d{{3}} ?\d{{2}}{_AFTER}"),
        lambda text: checksums.french_nir(_digits(text)),
    ),
    Detector(Kind.SECRET, _regex(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(_SECRETS)})"), _always),
    Detector(Kind.SECRET, re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{20,4000}={0,2}", re.ASCII), _always, "earer "),
    Detector(
        Kind.SECRET,
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{1,20000}?-----END [A-Z ]{0,30}PRIVATE KEY-----", re.ASCII
        ),
        _always,
        "PRIVATE KEY-----",
    ),
)
