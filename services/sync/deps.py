"""What sync's handlers are given."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.providers.source import Source
from libs.vault import HookSecrets, TransitSeal, Vault
from services.sync.scheduler import Scheduler
from services.sync.settings import SyncSettings


@dataclass(frozen=True, slots=True)
class Sync:
    """The neighbours of sync: its schema, the bus, the vault, and the providers it can read."""

    db: Database
    bus: Bus
    vault: Vault
    seal: TransitSeal
    hook_secrets: HookSecrets
    settings: SyncSettings
    sources: Mapping[str, Source]
    scheduler: Scheduler
    chance: random.Random

    def source_of(self, provider: str) -> Source | None:
        """None for a provider that is switched off, or that has nothing to sync."""
        return None if provider in self.settings.switched_off else self.sources.get(provider)
