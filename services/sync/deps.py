"""What sync's handlers are given."""

from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database


@dataclass(frozen=True, slots=True)
class Sync:
    """The neighbours of sync: its schema and the bus."""

    db: Database
    bus: Bus
