"""How one thing at a provider is named in messages and look-up tables: recognisable, not readable."""

import hashlib


def activity_ref(provider: str, external_id: str) -> str:
    """A 32-character name for it. A provider's own id may hold the name of a repository or a channel."""
    return hashlib.sha256(f"{provider}\n{external_id}".encode()).hexdigest()[:32]
