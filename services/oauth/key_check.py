"""Trying a supplied key at its provider, so that a wrong one is refused while its owner is looking."""

from libs.http.errors import NeighbourUnavailable
from libs.http.outgoing import HttpClient
from libs.providers.key_registry import KEY_PROVIDERS, KeyProvider
from libs.resilience.deadline import Deadline
from services.oauth.errors import KeyRefused, UnknownProvider
from services.oauth.settings import OAuthSettings

CHECK_S = 8.0


def find(name: str) -> KeyProvider:
    """Raises UnknownProvider."""
    if name not in KEY_PROVIDERS:
        raise UnknownProvider(f"No provider of that name takes API keys; these do: {', '.join(KEY_PROVIDERS)}.")
    return KEY_PROVIDERS[name]


async def check(provider: KeyProvider, key: str, http: HttpClient, settings: OAuthSettings) -> None:
    """Raises KeyRefused when the provider does not know the key, Unavailable when it cannot say."""
    url = settings.api_url(provider).rstrip("/") + provider.check_route
    answer = await http.send("GET", url, headers=provider.headers(key), deadline=Deadline.after(CHECK_S))
    if answer.status in (400, 401, 403):
        # Gemini answers 400 to a key that it does not know.
        raise KeyRefused(f"{provider.label} does not accept this key.")
    if not answer.is_success:
        raise NeighbourUnavailable(f"{provider.label} does not say whether the key works ({answer.status}).")
