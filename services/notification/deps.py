"""What notification's handlers are given."""

from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import Vault


@dataclass(frozen=True, slots=True)
class Notification:
    """The neighbours of notification, and the most entries one answer holds."""

    db: Database
    bus: Bus
    vault: Vault
    page_limit: int
