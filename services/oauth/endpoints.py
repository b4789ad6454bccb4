"""A provider's OAuth endpoints: redeem, refresh, revoke, keys. Its words are never repeated, its tokens never shown."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libs.http.errors import NeighbourUnavailable
from libs.http.outgoing import HttpClient, HttpResponse
from libs.providers.registry import PROVIDERS, Provider
from libs.resilience.deadline import Deadline
from services.oauth.errors import CodeRefused, ProviderNotConfigured, ReauthorizationNeeded, UnknownProvider
from services.oauth.settings import OAuthSettings

CALL_S = 8.0
"""A provider's answer is waited for this long: the tool service gives a token ten seconds."""
DEFAULT_LIFETIME_S = 3600


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: int = DEFAULT_LIFETIME_S
    refresh_token: str | None = None
    scope: str | None = None
    id_token: str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the token endpoint gave. Held in local variables only, and shows nothing when printed."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    scopes: tuple[str, ...] | None
    id_token: str | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where one family of providers is, and how we are known there."""

    authorize: str
    token: str
    revoke: str
    jwks: str
    issuer: str
    client_id: str
    client_secret: str


def find(name: str, settings: OAuthSettings) -> tuple[Provider, Addresses]:
    """A provider and its addresses. Raises UnknownProvider, ProviderNotConfigured."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider("There is no such provider.")
    given: dict[str, Any] = {
        field: getattr(settings, f"{provider.family}_{field}_url") for field in ("authorize", "token", "revoke", "jwks")
    }
    client_id: str = getattr(settings, f"{provider.family}_client_id")
    if not client_id:
        variable = f"ADJUTANT_OAUTH_{provider.family.upper()}_CLIENT_ID"
        raise ProviderNotConfigured(f"{variable} is not set, so {name} cannot be connected.")
    secret = getattr(settings, f"{provider.family}_client_secret").get_secret_value()
    issuer = getattr(settings, f"{provider.family}_issuer")
    return provider, Addresses(**given, issuer=issuer, client_id=client_id, client_secret=secret)


async def redeem(http: HttpClient, at: Addresses, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """Code to tokens. Raises CodeRefused, Unavailable."""
    answer = await _post(
        http,
        at,
        {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri},
    )
    if not answer.is_success:
        raise CodeRefused("The provider did not accept the log-in.")
    return _tokens(answer)


async def refresh(http: HttpClient, at: Addresses, refresh_token: str) -> Tokens:
    """A fresh access token. Raises ReauthorizationNeeded when the refresh token is dead, else Unavailable."""
    answer = await _post(http, at, {"grant_type": "refresh_token", "refresh_token": refresh_token})
    if answer.is_success:
        return _tokens(answer)
    if _refusal(answer) == "invalid_grant":
        raise ReauthorizationNeeded("The provider no longer accepts this connection.")
    raise ProviderNotConfigured(f"The provider refused our client ({answer.status}).")


async def revoke(http: HttpClient, at: Addresses, token: str) -> bool:
    """Whether the provider confirms that the token is dead, as is one it does not know. Raises Unavailable."""
    answer = await http.send("POST", at.revoke, data={"token": token}, deadline=Deadline.after(CALL_S))
    return answer.is_success or _refusal(answer) == "invalid_token"


async def keys(http: HttpClient, at: Addresses) -> Any:
    """The JSON Web Key Set. Raises Unavailable."""
    return (await http.send("GET", at.jwks, deadline=Deadline.after(CALL_S))).json()


async def _post(http: HttpClient, at: Addresses, form: dict[str, str]) -> HttpResponse:
    form = form | {"client_id": at.client_id, "client_secret": at.client_secret}
    return await http.send("POST", at.token, data=form, deadline=Deadline.after(CALL_S))


def _tokens(answer: HttpResponse) -> Tokens:
    try:
        given = msgspec.json.decode(answer.body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise NeighbourUnavailable("The provider's answer is not a token.") from error
    return Tokens(
        access_token=given.access_token,
        refresh_token=given.refresh_token,
        expires_at=datetime.now(UTC) + timedelta(seconds=given.expires_in),
        scopes=tuple(given.scope.split()) if given.scope else None,
        id_token=given.id_token,
    )


def _refusal(answer: HttpResponse) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_Refusal).error
    except msgspec.MsgspecError:
        return ""
