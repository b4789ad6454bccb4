"""A provider's OAuth endpoints: redeem, refresh, revoke, and whose account it is. Its words are never repeated, its
tokens never shown."""

import base64
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libs.http.errors import NeighbourUnavailable
from libs.http.outgoing import HttpClient, HttpResponse
from libs.providers.oauth_family import ClientAuth, Family, Provider, Revocation
from libs.providers.registry import PROVIDERS
from libs.resilience.deadline import Deadline
from services.oauth.errors import CodeRefused, ProviderNotConfigured, ReauthorizationNeeded, UnknownProvider
from services.oauth.settings import OAuthSettings

CALL_S = 8.0
"""A provider's answer is waited for this long: the tool service gives a token ten seconds."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""From when on a token ends that the provider gave no lifetime."""
MICROSECONDS_OF_300_DAYS = 300 * 86_400 * 1_000_000
DEAD = frozenset({"invalid_grant", "invalid_refresh_token", "token_revoked", "bad_refresh_token"})
"""What vendors call a refresh token that is dead for good."""


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: int | None = None
    refresh_token: str | None = None
    scope: str | None = None
    id_token: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the token endpoint gave. Held in local variables only, and shows nothing when printed."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    scopes: tuple[str, ...] | None
    id_token: str | None
    answer: Any = None
    """The whole answer: some vendors say in it whose account it is."""


@dataclass(frozen=True, slots=True, repr=False)
class Client:
    """How we are known to one family, and where it is."""

    family: Family
    authorize: str
    token: str
    revoke: str
    jwks: str
    identity: str
    issuer: str
    client_id: str
    client_secret: str

    def headers(self) -> dict[str, str]:
        """For the token endpoint and its neighbours."""
        headers = {"accept": "application/json", **self.family.headers}
        if self.family.client_auth is not ClientAuth.FORM:
            headers["authorization"] = f"Basic {self._basic()}"
        return headers

    def with_client(self, fields: dict[str, str]) -> dict[str, Any]:
        """The fields as httpx takes them, with our log-in where it belongs."""
        if self.family.client_auth is ClientAuth.BASIC_JSON:
            return {"json": fields, "headers": self.headers()}
        if self.family.client_auth is ClientAuth.FORM:
            fields = fields | {"client_id": self.client_id, "client_secret": self.client_secret}
        return {"data": fields, "headers": self.headers()}

    def _basic(self) -> str:
        return base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()


def find(name: str, settings: OAuthSettings) -> tuple[Provider, Client]:
    """A provider and our client there. Raises UnknownProvider, ProviderNotConfigured."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider("There is no such provider.")
    family = provider.family
    client_id = settings.client_id(family)
    if not client_id:
        variable = f"ADJUTANT_OAUTH_{family.name.upper()}_CLIENT_ID"
        raise ProviderNotConfigured(f"{variable} is not set, so {name} cannot be connected.")
    return provider, Client(
        family=family,
        authorize=settings.address(family, "authorize_url"),
        token=settings.address(family, "token_url"),
        revoke=settings.address(family, "revoke_url").replace("{client_id}", client_id),
        jwks=settings.address(family, "jwks_url"),
        identity=settings.address(family, "identity_url"),
        issuer=settings.address(family, "issuer"),
        client_id=client_id,
        client_secret=settings.client_secret(family),
    )


def same_family(provider: Provider) -> frozenset[str]:
    """The names of all products of its vendor, itself included."""
    return frozenset(each.name for each in PROVIDERS.values() if each.family is provider.family)


def available(settings: OAuthSettings) -> tuple[str, ...]:
    """The providers that the operator has registered us with."""
    return tuple(name for name, provider in PROVIDERS.items() if settings.client_id(provider.family))


async def redeem(
    http: HttpClient, at: Client, code: str, verifier: str, redirect_uri: str, scopes: tuple[str, ...]
) -> Tokens:
    """Code to tokens. An answer that names no scopes means those that were asked for (RFC 6749, 5.1). Raises
    CodeRefused, Unavailable."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if at.family.uses_pkce:
        fields["code_verifier"] = verifier
    answer = await _post(http, at, fields)
    if _refusal(answer):
        raise CodeRefused("The provider did not accept the log-in.")
    return _tokens(answer, at.family.token_path, requested=scopes)


async def refresh(http: HttpClient, at: Client, refresh_token: str) -> Tokens:
    """A fresh access token. Raises ReauthorizationNeeded when the refresh token is dead, ProviderNotConfigured when it
    is our client that is refused, else Unavailable."""
    answer = await _post(http, at, {"grant_type": "refresh_token", "refresh_token": refresh_token})
    refusal = _refusal(answer)
    if not refusal:
        # Slack puts a user's first token beside the bot's, a renewed one at the top.
        return _tokens(answer)
    if refusal in DEAD:
        raise ReauthorizationNeeded("The provider no longer accepts this connection.")
    if refusal in ("invalid_client", "unauthorized_client", "bad_client_secret", "incorrect_client_credentials"):
        raise ProviderNotConfigured("The provider refuses our client id or secret.")
    raise NeighbourUnavailable(f"The provider did not renew the token ({answer.status}).")


async def revoke(http: HttpClient, at: Client, access_token: str, refresh_token: str | None) -> str:
    """Make the grant worthless; returns the proof: method and status. Raises Unavailable, and NeighbourUnavailable
    when the provider refuses. A token that the provider does not know any more is revoked."""
    token, until = refresh_token or access_token, Deadline.after(CALL_S)
    match at.family.revocation:
        case Revocation.NONE:
            raise NeighbourUnavailable("The provider has no way to revoke a token.")
        case Revocation.FORM | Revocation.JSON:
            answer = await http.send("POST", at.revoke, deadline=until, **at.with_client({"token": token}))
        case Revocation.DELETE:
            headers = at.headers() | {"authorization": f"Basic {at._basic()}"}
            answer = await http.send(
                "DELETE", at.revoke, deadline=until, json={"access_token": access_token}, headers=headers
            )
        case Revocation.BEARER:
            headers = at.headers() | {"authorization": f"Bearer {access_token}"}
            answer = await http.send("POST", at.revoke, deadline=until, headers=headers)
    refusal = _refusal(answer)
    # GitHub knows an ended token by 404 or 422 only.
    ended = {"invalid_token", "token_revoked", "invalid_auth", "account_inactive"} | (
        {"404", "422"} if at.family.revocation is Revocation.DELETE else set()
    )
    if refusal and refusal not in ended:
        raise NeighbourUnavailable(f"The provider did not confirm the revocation ({answer.status}).")
    return f"{at.family.revocation} {answer.status}"


async def keys(http: HttpClient, at: Client) -> Any:
    """The JSON Web Key Set. Raises Unavailable."""
    return (await http.send("GET", at.jwks, deadline=Deadline.after(CALL_S))).json()


async def who_is(http: HttpClient, at: Client, access_token: str) -> Any:
    """What the identity endpoint says about the owner of a token. Raises Unavailable."""
    headers = {**at.family.headers, "accept": "application/json", "authorization": f"Bearer {access_token}"}
    answer = await http.send("GET", at.identity, deadline=Deadline.after(CALL_S), headers=headers)
    if not answer.is_success:
        raise NeighbourUnavailable(f"The provider does not say whose account it is ({answer.status}).")
    return answer.json()


async def _post(http: HttpClient, at: Client, fields: dict[str, str]) -> HttpResponse:
    return await http.send("POST", at.token, deadline=Deadline.after(CALL_S), **at.with_client(fields))


def _tokens(answer: HttpResponse, path: str = "", requested: tuple[str, ...] | None = None) -> Tokens:
    try:
        whole = msgspec.json.decode(answer.body)
        part = whole[path] if path else whole
        given = msgspec.convert(part, _Answer)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise NeighbourUnavailable("The provider's answer is not a token.") from error
    lifetime = timedelta(seconds=given.expires_in) if given.expires_in else None
    return Tokens(
        access_token=given.access_token,
        refresh_token=given.refresh_token,
        expires_at=datetime.now(UTC) + lifetime if lifetime else _never(),
        scopes=tuple(given.scope.replace(",", " ").split()) if given.scope else requested,
        id_token=given.id_token,
        answer=whole,
    )


def _never() -> datetime:
    """Another moment for every token: by it callers say which token the provider has refused."""
    return NEVER + timedelta(microseconds=time.time_ns() // 1000 % MICROSECONDS_OF_300_DAYS)


def _refusal(answer: HttpResponse) -> str:
    """The error's name, or the status; empty for a success. GitHub and Slack refuse with 200."""
    try:
        body = msgspec.json.decode(answer.body) if answer.body else {}
    except msgspec.MsgspecError:
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str) and error:
        return error
    return "" if answer.is_success else str(answer.status)
