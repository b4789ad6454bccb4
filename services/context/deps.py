"""What context's handlers are given."""

from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import TransitSeal, Vault


@dataclass(frozen=True, slots=True)
class Context:
    """The neighbours of context, and what the operator chose."""

    db: Database
    bus: Bus
    vault: Vault
    seal: TransitSeal
    default_timezone: str
    """IANA timezone of a user who has not told theirs."""
    max_memories: int
