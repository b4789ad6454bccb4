"""What notification's handlers are given."""

from asyncio import TaskGroup
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import Vault


@dataclass(frozen=True, slots=True)
class Notification:
    """The neighbours of notification; `background` holds what goes on after a commit, and ends with the service."""

    db: Database
    bus: Bus
    vault: Vault
    background: TaskGroup
    page_limit: int
