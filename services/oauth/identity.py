"""Whose account was connected: read from a signed identity token, which is believed only when everything holds, from
the token endpoint's answer, or from the vendor's own "who am I"."""

from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from libs.http.outgoing import HttpClient
from libs.providers.account_ref import account_ref
from services.oauth import endpoints
from services.oauth.endpoints import Client, Tokens
from services.oauth.errors import IdentityRefused

ALGORITHMS = ["RS256"]
"""Fixed by us: a token may not choose how it is verified."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the user sees, and by what the provider's notifications find the connection."""

    name: str
    refs: tuple[str, ...]


async def find(http: HttpClient, at: Client, tokens: Tokens, nonce: str) -> Account:
    """Raises IdentityRefused for an identity token that does not hold, or when nobody says whose account it is."""
    known: dict[str, Any] = {"token": tokens.answer}
    if at.issuer:
        key_set = await endpoints.keys(http, at)
        known["claims"] = claims(tokens.id_token, key_set, issuer=at.issuer, client_id=at.client_id, nonce=nonce)
    if at.identity:
        known["identity"] = await endpoints.who_is(http, at, tokens.access_token)
    names = [found for path in at.family.account if (found := _at(known, path))]
    if not names:
        raise IdentityRefused("The provider does not say whose account it is.")
    refs = [account_ref(at.family.name, found) for path in at.family.account_refs if (found := _at(known, path))]
    return Account(names[0], tuple(dict.fromkeys(refs)))


def claims(id_token: str | None, key_set: Any, *, issuer: str, client_id: str, nonce: str) -> Any:
    """The claims of an identity token. Raises IdentityRefused for a bad signature, issuer, audience, expiry, nonce."""
    if id_token is None:
        raise IdentityRefused("The provider sent no identity token.")
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        token = jwt.decode(id_token, KeySet.import_key_set(key_set), algorithms=ALGORITHMS)
        registry.validate(token.claims)
    except (JoseError, ValueError) as error:
        raise IdentityRefused("The provider's identity token does not hold.") from error
    # A provider that leaves the nonce out is protected by PKCE; one that sends another is not our log-in.
    if token.claims.get("nonce", nonce) != nonce:
        raise IdentityRefused("The provider's identity token belongs to another log-in.")
    return token.claims


def _at(known: Any, path: str) -> str | None:
    for step in path.split("."):
        known = known.get(step) if isinstance(known, dict) else None
    return str(known) if isinstance(known, str | int) and known != "" else None
