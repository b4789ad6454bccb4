"""A token that works for five more minutes, refreshed by one replica at a time.

The connection's row is locked while its provider is asked: the lock ends with the transaction, so neither a crash
nor a slow holder can leave it behind or free another's. Waiting is bounded by the endpoint's eight seconds.
"""

from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.oauth import AccessToken, ConnectionStatus, GetAccessToken, ReauthorizationRequired
from libs.bus import publish
from libs.db import Transaction
from libs.resilience.errors import AdjutantError
from libs.vault import UserKey
from services.oauth import audit, connections, endpoints
from services.oauth.connections import Held
from services.oauth.deps import OAuth
from services.oauth.errors import ReauthorizationNeeded

MARGIN = timedelta(minutes=5)


async def get(query: GetAccessToken, scope: Scope, deps: OAuth) -> AccessToken:
    """Raises NotConnected, ReauthorizationNeeded, and Unavailable when the provider does not answer."""
    async with deps.db.transaction(scope) as tx:
        held = await connections.peek(tx, await deps.vault.user_key(tx), query.provider)
    _refuse_dead(held)
    if _is_fresh(held, query.rejected_token_expires_at):
        return _sealed(held.access_token, held.expires_at, scope, deps)
    return await _refreshed(query, scope, deps)


async def _refreshed(query: GetAccessToken, scope: Scope, deps: OAuth) -> AccessToken:
    _, at = endpoints.find(query.provider, deps.settings)
    try:
        async with deps.db.transaction(scope) as tx:
            key = await deps.vault.user_key(tx)
            held = await connections.hold(tx, key, query.provider)
            _refuse_dead(held)
            # Whoever held the lock before us may have refreshed it.
            if _is_fresh(held, query.rejected_token_expires_at):
                return _sealed(held.access_token, held.expires_at, scope, deps)
            if held.refresh_token is not None:
                return await _exchange(tx, key, held, held.refresh_token, at, query.provider, scope, deps)
            await _give_up(tx, held, query.provider)
    except ReauthorizationNeeded:
        async with deps.db.transaction(scope) as tx:
            held = await connections.hold(tx, await deps.vault.user_key(tx), query.provider)
            if held.status is ConnectionStatus.ACTIVE and not _is_fresh(held, query.rejected_token_expires_at):
                await _give_up(tx, held, query.provider)
        raise
    except AdjutantError as error:
        async with deps.db.transaction(scope) as tx:
            await audit.record(tx, query.provider, "refresh_failed", error.slug)
        raise
    raise ReauthorizationNeeded("The provider gave no means to renew this connection.")


async def _exchange(
    tx: Transaction,
    key: UserKey,
    held: Held,
    refresh_token: str,
    at: endpoints.Client,
    provider: str,
    scope: Scope,
    deps: OAuth,
) -> AccessToken:
    tokens = await endpoints.refresh(deps.http[at.family.name], at, refresh_token)
    await connections.renew(tx, key, held, tokens)
    await audit.record(tx, provider, "refreshed")
    return _sealed(tokens.access_token, tokens.expires_at, scope, deps)


async def _give_up(tx: Transaction, held: Held, provider: str) -> None:
    """State and event in one transaction: the user is told once, and certainly."""
    await connections.require_reauthorization(tx, held)
    await audit.record(tx, provider, "reauthorization_required")
    await publish(
        tx,
        ReauthorizationRequired(connection_id=held.connection_id, provider=provider, refused_at=datetime.now(UTC)),
    )


def _is_fresh(held: Held, rejected: datetime | None) -> bool:
    return held.expires_at - datetime.now(UTC) >= MARGIN and held.expires_at != rejected


def _refuse_dead(held: Held) -> None:
    if held.status is not ConnectionStatus.ACTIVE:
        raise ReauthorizationNeeded("This connection has to be renewed by you: connect the provider again.")


def _sealed(token: str, expires_at: datetime, scope: Scope, deps: OAuth) -> AccessToken:
    return AccessToken(sealed_token=deps.seal.seal("access_token", scope, token), expires_at=expires_at)
