"""What the gateway's routes are given."""

import asyncio
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import TransitSeal
from services.gateway.authentication import Authenticator
from services.gateway.limits import Limit
from services.gateway.passwords import Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer
from services.gateway.turn_stream import Patience


@dataclass(frozen=True, slots=True)
class Gateway:
    """The neighbours of the gateway, and what it knows itself."""

    db: Database
    bus: Bus
    seal: TransitSeal
    settings: GatewaySettings
    signer: Signer
    passwords: Passwords
    authenticator: Authenticator
    stopping: asyncio.Event
    public_url: str

    @property
    def chat_limit(self) -> Limit:
        """Turns a user may start."""
        return Limit("chat", self.settings.chat_per_minute, 60)

    @property
    def patience(self) -> Patience:
        """How long streams wait."""
        return Patience(self.settings.ping_s, self.settings.settle_s, self.settings.silence_s)
