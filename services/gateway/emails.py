"""E-mail addresses as account names: two spellings of one address are one account."""

import re
import unicodedata

from libs.resilience.errors import InvalidInput

_LOCAL = re.compile(r"^[^\s@\"(),:;<>\[\]\\]{1,64}$")
_LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")


class InvalidEmail(InvalidInput):
    """Not an address that mail could reach."""

    slug = "invalid_email"


def normalise(address: str) -> str:
    """NFKC, case-folded, the domain in its ASCII form. Raises InvalidEmail."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address.strip()).casefold())
    local, at, domain = folded.rpartition("@")
    if not at or len(folded) > 254 or not _LOCAL.fullmatch(local) or not folded.isprintable():
        raise InvalidEmail("This is not an e-mail address.")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError as broken:
        raise InvalidEmail("The domain of this e-mail address is not valid.") from broken
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidEmail("The domain of this e-mail address is not valid.")
    return f"{local}@{ascii_domain}"
