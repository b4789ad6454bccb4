"""The authorization-code flow: PKCE, a state that works once, for ten minutes, in the browser that began."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from contracts.envelope import Scope
from contracts.oauth import ConnectionEstablished, ConnectionView, FinishConnection, StartConnection
from libs.bus import publish
from libs.db import Row, Transaction
from libs.providers.oauth_family import READ, Provider
from libs.resilience.errors import AdjutantError
from services.oauth import audit, connections, endpoints, identity
from services.oauth.deps import OAuth
from services.oauth.endpoints import Client, Tokens
from services.oauth.errors import AuthorizationDeclined, PermissionsMissing, StateRefused, UnknownCapability

STATE_LIFE = timedelta(minutes=10)
_REFUSED = "This log-in is not known, was used already, is too old, or began in another browser."


async def begin(query: StartConnection, scope: Scope, deps: OAuth) -> str:
    """The address to send the browser to. Raises UnknownProvider, UnknownCapability, ProviderNotConfigured."""
    provider, at = endpoints.find(query.provider, deps.settings)
    family = provider.family
    state, verifier, nonce = (secrets.token_urlsafe(48) for _ in range(3))
    state_hash = _hash(state)
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        scopes = await _to_ask_for(tx, provider, query.capabilities)
        await tx.execute("delete from authorizations where expires_at < now()")
        await tx.execute(
            """insert into authorizations
                   (state_hash, provider, browser_binding, verifier, nonce, expires_at, scopes)
               values ($1, $2, $3, $4, $5, $6, $7)""",
            state_hash,
            provider.name,
            query.browser_binding,
            key.seal("verifier", state_hash, verifier.encode()),
            nonce,
            datetime.now(UTC) + STATE_LIFE,
            list(scopes),
        )
    parameters = {
        "response_type": "code",
        "client_id": at.client_id,
        "redirect_uri": deps.redirect_uri(provider.name),
        "state": state,
        **family.authorize_parameters,
    }
    if scopes:
        parameters[family.scope_parameter] = family.scope_separator.join(scopes)
    if family.issuer:
        parameters["nonce"] = nonce
    if family.uses_pkce:
        parameters |= {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
    return f"{at.authorize}?{urlencode(parameters)}"


async def finish(query: FinishConnection, scope: Scope, deps: OAuth) -> ConnectionView:
    """Redeem the code, once. Raises StateRefused, AuthorizationDeclined, PermissionsMissing, CodeRefused,
    IdentityRefused, Unavailable."""
    provider, at = endpoints.find(query.provider, deps.settings)
    state_hash = _hash(query.state)
    # Deleted in a transaction of its own: whatever comes of it, this state is used up.
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        row = await tx.fetchrow("delete from authorizations where state_hash = $1 returning *", state_hash)
    begun = _checked(row, query)
    if query.error or not query.code:
        raise AuthorizationDeclined("The provider was not allowed to share access.")
    if query.issuer is not None and at.issuer and query.issuer != at.issuer:
        raise StateRefused("The answer came from another provider than the one that was asked.")
    verifier = key.open("verifier", state_hash, begun["verifier"]).decode()
    redirect_uri = deps.redirect_uri(provider.name)
    asked_for = tuple(begun["scopes"])
    tokens = await endpoints.redeem(deps.http[at.family.name], at, query.code, verifier, redirect_uri, asked_for)
    if READ not in provider.granted(tokens.scopes or ()):
        await _give_back(provider, at, tokens, scope, deps)
        raise PermissionsMissing(f"{provider.label} was left without the permission to read.")
    account = await identity.find(deps.http[at.family.name], at, tokens, begun["nonce"])
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        connection = await connections.save(tx, key, provider.name, account.name, tokens, datetime.now(UTC))
        await audit.record(tx, provider.name, "connected")
        await publish(
            tx,
            ConnectionEstablished(
                connection_id=connection.connection_id,
                provider=provider.name,
                scopes=connection.scopes,
                capabilities=connection.capabilities,
                account_refs=account.refs,
            ),
        )
    return connection


async def _to_ask_for(tx: Transaction, provider: Provider, capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """What the user has granted is asked for again: at some vendors the new token replaces the old one's scopes."""
    had = await tx.fetchval("select scopes from connections where provider = $1", provider.name)
    try:
        return provider.scopes_for((*provider.granted(had or ()), *capabilities))
    except KeyError as unknown:
        known = ", ".join(provider.capabilities)
        raise UnknownCapability(f"{provider.label} has no capability {unknown}; it has {known}.") from unknown


async def _give_back(provider: Provider, at: Client, tokens: Tokens, scope: Scope, deps: OAuth) -> None:
    """A grant that is of no use does not stay behind, unless it hangs together with one that is."""
    async with deps.db.reading(scope) as tx:
        mine = await connections.listed(tx, await deps.vault.user_key(tx))
    if any(connection.provider in endpoints.same_family(provider) for connection in mine):
        return
    try:
        await endpoints.revoke(deps.http[at.family.name], at, tokens.access_token, tokens.refresh_token)
    except AdjutantError as error:
        async with deps.db.transaction(scope) as tx:
            await audit.record(tx, provider.name, "declined", f"not revoked: {error.slug}")


def _checked(row: Row | None, query: FinishConnection) -> Row:
    if (
        row is None
        or row["expires_at"] < datetime.now(UTC)
        or row["provider"] != query.provider
        or not hmac.compare_digest(row["browser_binding"], query.browser_binding)
    ):
        raise StateRefused(_REFUSED)
    return row


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
