"""What oauth's handlers are given."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.bus import Bus
from libs.db import Database
from libs.http.outgoing import HttpClient
from libs.vault import TransitSeal, Vault
from services.oauth.settings import OAuthSettings


@dataclass(frozen=True, slots=True)
class OAuth:
    """The neighbours of oauth: its schema, the bus, the vault, and the way to the providers' endpoints."""

    db: Database
    bus: Bus
    vault: Vault
    seal: TransitSeal
    http: Mapping[str, HttpClient]
    """By family."""
    key_checks: Mapping[str, HttpClient]
    """By provider of API keys."""
    settings: OAuthSettings
    public_url: str

    def redirect_uri(self, provider: str) -> str:
        """Exactly what is registered with the provider."""
        return f"{self.public_url.rstrip('/')}/api/integrations/{provider}/callback"
