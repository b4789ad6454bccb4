"""What an operator may set for oauth: for every family of the registry a client, and its addresses."""

from typing import Any

from pydantic import Field, SecretStr, create_model
from pydantic_settings import SettingsConfigDict

from libs.providers.key_registry import KEY_PROVIDERS, KeyProvider
from libs.providers.oauth_family import Family
from libs.providers.registry import FAMILIES
from libs.runtime import ServiceSettings

ADDRESSES = ("authorize_url", "token_url", "revoke_url", "jwks_url", "identity_url", "issuer")


def _fields(family: Family) -> dict[str, Any]:
    name = family.name
    label = name.capitalize()
    client: dict[str, Any] = {
        f"{name}_client_id": (str, Field("", description=f"Client id at {label}. Empty: {label} cannot be connected.")),
        f"{name}_client_secret": (SecretStr, Field(SecretStr(""), description="Its secret.")),
    }
    addresses: dict[str, Any] = {
        f"{name}_{address}": (str, Field(default, description=f"{label}'s {address.replace('_', ' ')}."))
        for address in ADDRESSES
        if (default := getattr(family, address))
    }
    return client | addresses


def _key_fields(provider: KeyProvider) -> dict[str, Any]:
    description = f"Where API keys of {provider.label} are tried."
    return {f"{provider.name}_api_url": (str, Field(provider.api_url, description=description))}


_Registered: Any = create_model(
    "_Registered",
    __base__=ServiceSettings,
    **{name: field for family in FAMILIES for name, field in _fields(family).items()},
    **{name: field for provider in KEY_PROVIDERS.values() for name, field in _key_fields(provider).items()},
)


class OAuthSettings(_Registered):
    """`ADJUTANT_OAUTH_…`; addresses are there for tests and proxies."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_OAUTH_")

    def client_id(self, family: Family) -> str:
        """Empty when the operator has not registered us there."""
        found: str = getattr(self, f"{family.name}_client_id")
        return found

    def client_secret(self, family: Family) -> str:
        """For the token endpoint only."""
        found: SecretStr = getattr(self, f"{family.name}_client_secret")
        return found.get_secret_value()

    def address(self, family: Family, which: str) -> str:
        """One of `ADDRESSES`; empty when the family has none."""
        return getattr(self, f"{family.name}_{which}", "")

    def api_url(self, provider: KeyProvider) -> str:
        """Where its API begins."""
        found: str = getattr(self, f"{provider.name}_api_url")
        return found
