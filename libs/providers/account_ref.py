"""How an account at a provider is named in messages and look-up tables: recognisable, not readable."""

import hashlib


def account_ref(family: str, external_id: str) -> str:
    """A 32-character name for what the provider calls `external_id` (a mail address, a workspace or tenant id).

    `family` is the registry's: products of one vendor share their accounts. Case is ignored, as mail addresses do.
    """
    return hashlib.sha256(f"{family}\n{external_id.casefold()}".encode()).hexdigest()[:32]
