"""Everything that verification compares with."""

from dataclasses import dataclass, field

from joserfc.jwk import KeySet

from libs.vault import HookSecrets


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSecrets:
    """Secrets of the operator's apps at the providers; an empty one means: not configured."""

    hooks: HookSecrets
    github: str = ""
    slack: str = ""
    notion: str = ""
    discord_public_key: str = ""
    zoom: str = ""
    gmail_audience: str = ""
    gmail_service_account: str = ""
    google_keys: KeySet | None = field(default=None)
    """Google's keys, fetched beforehand where it is needed."""
