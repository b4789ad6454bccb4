"""What chat's handlers are given."""

from asyncio import TaskGroup
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import TransitSeal, Vault
from services.chat.asking import Asking
from services.chat.running_completions import RunningCompletions
from services.chat.settings import ChatSettings
from services.chat.stops import Stops


@dataclass(frozen=True, slots=True)
class Chat:
    """The neighbours of chat: its schema, the bus, the vault, and the models, if any are configured.

    `background` holds what goes on after a commit, and ends with the service.
    """

    db: Database
    bus: Bus
    vault: Vault
    seal: TransitSeal
    settings: ChatSettings
    stops: Stops
    background: TaskGroup
    models: Asking | None
    completions: RunningCompletions
