"""Whose account was connected: read from a signed identity token, which is believed only when everything holds."""

from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.oauth.errors import IdentityRefused

ALGORITHMS = ["RS256"]
"""Fixed by us: a token may not choose how it is verified."""


def account(id_token: str | None, key_set: Any, *, issuer: str, client_id: str, nonce: str) -> str:
    """The account's address. Raises IdentityRefused for a bad signature, issuer, audience, expiry or nonce."""
    if id_token is None:
        raise IdentityRefused("The provider sent no identity token.")
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        token = jwt.decode(id_token, KeySet.import_key_set(key_set), algorithms=ALGORITHMS)
        claims.validate(token.claims)
    except (JoseError, ValueError) as error:
        raise IdentityRefused("The provider's identity token does not hold.") from error
    # A provider that leaves the nonce out is protected by PKCE; one that sends another is not our log-in.
    if token.claims.get("nonce", nonce) != nonce:
        raise IdentityRefused("The provider's identity token belongs to another log-in.")
    return str(token.claims.get("email") or token.claims["sub"])
