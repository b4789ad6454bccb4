"""The providers one connects with an API key instead of a log-in, as data: where a key is tried, and how it is sent.

Facts: the vendors' API references as gathered in November 2026. Each check is a read that costs nothing and that every
key may make.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class KeyProvider:
    """A provider, and the request that a working key answers with 2xx and a wrong one with 401 or 403."""

    name: str
    label: str
    api_url: str
    check_route: str
    header: str = "authorization"
    prefix: str = ""
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    def headers(self, key: str) -> dict[str, str]:
        """For a request with this key."""
        return {**self.extra_headers, "accept": "application/json", self.header: f"{self.prefix}{key}"}


def _listed(*providers: KeyProvider) -> Mapping[str, KeyProvider]:
    return MappingProxyType({provider.name: provider for provider in providers})


KEY_PROVIDERS = _listed(
    KeyProvider("openai", "OpenAI", "https://api.openai.com", "/v1/models", prefix="Bearer "),
    KeyProvider(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com",
        "/v1/models",
        header="x-api-key",
        extra_headers={"anthropic-version": "2023-06-01"},
    ),
    KeyProvider(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com",
        "/v1beta/models",
        header="x-goog-api-key",
    ),
    KeyProvider("hubspot", "HubSpot", "https://api.hubapi.com", "/account-info/v3/details", prefix="Bearer "),
    KeyProvider("pipedrive", "Pipedrive", "https://api.pipedrive.com", "/v1/users/me", header="x-api-token"),
    KeyProvider("calendly", "Calendly", "https://api.calendly.com", "/users/me", prefix="Bearer "),
    KeyProvider("sendgrid", "SendGrid", "https://api.sendgrid.com", "/v3/scopes", prefix="Bearer "),
    KeyProvider("postmark", "Postmark", "https://api.postmarkapp.com", "/server", header="x-postmark-server-token"),
    KeyProvider("elevenlabs", "ElevenLabs", "https://api.elevenlabs.io", "/v1/models", header="xi-api-key"),
)
