"""What voice's handlers are given."""

from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database


@dataclass(frozen=True, slots=True)
class Voice:
    """The neighbours of voice, and the voice of a user who has not chosen one."""

    db: Database
    bus: Bus
    default_voice: str
