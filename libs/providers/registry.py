"""The providers one can connect, as data. A new OAuth2 provider is one entry here and its addresses in the settings.

Facts about Google: its OAuth 2.0 documentation for web servers; scopes from the bundled discovery documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class RefreshFamily(StrEnum):
    """What happens to a refresh token when it is used."""

    STATIC = "static"
    """It stays; an answer without a new one means: keep the old one."""
    ROTATES = "rotates"
    """Each answer brings a new one, and the old one dies."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry. `family` names the set of addresses and the client log-in shared by a vendor's products."""

    name: str
    family: str
    scopes: tuple[str, ...]
    """The least that the tools of this provider need."""
    refresh: RefreshFamily = RefreshFamily.STATIC
    uses_pkce: bool = True
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)


_GOOGLE = MappingProxyType({"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"})
_IDENTITY = ("openid", "email")
_API = "https://www.googleapis.com/auth/"

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        provider.name: provider
        for provider in (
            Provider(
                name="gmail",
                family="google",
                scopes=(*_IDENTITY, f"{_API}gmail.readonly"),
                authorize_parameters=_GOOGLE,
            ),
            Provider(
                name="calendar",
                family="google",
                scopes=(
                    *_IDENTITY,
                    f"{_API}calendar.events",
                    f"{_API}calendar.freebusy",
                    f"{_API}calendar.calendarlist.readonly",
                ),
                authorize_parameters=_GOOGLE,
            ),
        )
    }
)
