"""What context's handlers are given."""

from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import Vault


@dataclass(frozen=True, slots=True)
class Context:
    """The neighbours of context, and the timezone of a user who has not told theirs."""

    db: Database
    bus: Bus
    vault: Vault
    default_timezone: str
