"""What the gateway's routes are given."""

import asyncio
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.vault import HookSecrets, TransitSeal
from services.gateway.authentication import Authenticator
from services.gateway.limits import Limit
from services.gateway.passwords import Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer
from services.gateway.turn_stream import Patience
from services.gateway.webhooks.google_keys import GoogleKeys
from services.gateway.webhooks.refusals import Refusals
from services.gateway.webhooks.secrets import WebhookSecrets


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
    hook_secrets: HookSecrets
    google_keys: GoogleKeys
    refusals: Refusals

    async def webhook_secrets(self, *, with_googles_keys: bool) -> WebhookSecrets:
        """What providers' notifications are verified with. Raises Unavailable when Google's keys cannot be had."""
        given = self.settings
        return WebhookSecrets(
            hooks=self.hook_secrets,
            github=given.github_webhook_secret.get_secret_value(),
            slack=given.slack_signing_secret.get_secret_value(),
            notion=given.notion_verification_token.get_secret_value(),
            discord_public_key=given.discord_public_key,
            zoom=given.zoom_secret_token.get_secret_value(),
            gmail_audience=given.gmail_audience,
            gmail_service_account=given.gmail_service_account,
            google_keys=await self.google_keys.current() if with_googles_keys and given.gmail_audience else None,
        )

    @property
    def chat_limit(self) -> Limit:
        """Turns a user may start."""
        return Limit("chat", self.settings.chat_per_minute, 60)

    @property
    def sync_limit(self) -> Limit:
        """Wishes to sync by hand."""
        return Limit("sync", self.settings.sync_per_minute, 60)

    @property
    def memory_limit(self) -> Limit:
        """Looks at memory, and changes of it."""
        return Limit("memory", self.settings.memory_per_minute, 60)

    @property
    def patience(self) -> Patience:
        """How long streams wait."""
        return Patience(self.settings.ping_s, self.settings.settle_s, self.settings.silence_s)
