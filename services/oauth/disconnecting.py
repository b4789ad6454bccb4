"""Ending a connection: the provider first, then our copy, and the proof of both in the audit.

What was revoked has to be what is deleted. A token that was renewed meanwhile is revoked as well; a connection that was
made anew meanwhile is somebody's wish, newer than this one, and stays. Where a vendor's products share one grant, as
Google's do, it is revoked with the last of the account's connections: earlier, the others would die with it.
"""

from contracts.envelope import Scope
from contracts.oauth import ConnectionRemoved, Disconnected
from contracts.sync import EndWatches
from libs.bus import publish
from libs.providers.registry import PROVIDERS
from libs.resilience.errors import AdjutantError
from libs.telemetry import get_logger
from services.oauth import audit, connections, endpoints
from services.oauth.connections import Held
from services.oauth.deps import OAuth

log = get_logger("services.oauth")

ATTEMPTS = 3
END_WATCHES_S = 3.0
"""A disconnect does not wait longer for sync."""


async def disconnect(provider: str, scope: Scope, deps: OAuth) -> Disconnected:
    """Raises NotConnected."""
    first = held = await _peek(provider, scope, deps)
    await _end_watches(provider, scope, deps)
    for _ in range(ATTEMPTS):
        kept_for = await _sharing(provider, held, scope, deps)
        revoked, note = await _revoke(provider, held, deps, kept_for)
        async with deps.db.transaction(scope) as tx:
            if await connections.remove(tx, await deps.vault.user_key(tx), held):
                # The proof that the provider no longer honours the grant, or why there is none.
                await audit.record(tx, provider, "disconnected", f"{'' if revoked else 'not '}revoked: {note}")
                await publish(tx, ConnectionRemoved(connection_id=held.connection_id, provider=provider))
                return Disconnected(provider=provider, revoked_at_provider=revoked, grant_kept_for=kept_for)
        held = await _peek(provider, scope, deps)
        if held.connected_at != first.connected_at:
            break
    async with deps.db.transaction(scope) as tx:
        await audit.record(tx, provider, "disconnected", "not removed: connected again meanwhile")
    return Disconnected(provider=provider, revoked_at_provider=False)


async def _peek(provider: str, scope: Scope, deps: OAuth) -> Held:
    async with deps.db.transaction(scope) as tx:
        return await connections.peek(tx, await deps.vault.user_key(tx), provider)


async def _end_watches(provider: str, scope: Scope, deps: OAuth) -> None:
    """Subscriptions at the provider would outlive the token that could end them."""
    try:
        ended = await deps.bus.ask(EndWatches(provider=provider), scope=scope, timeout_s=END_WATCHES_S)
        if ended.left:
            log.info("watches_left", provider=provider, left=ended.left)
    except AdjutantError as error:
        log.info("watches_left", provider=provider, error=error.slug)


async def _sharing(provider: str, held: Held, scope: Scope, deps: OAuth) -> tuple[str, ...]:
    """The user's other connections of the same account that live on the same grant."""
    known = PROVIDERS.get(provider)
    if known is None or not known.family.shares_grant:
        return ()
    async with deps.db.reading(scope) as tx:
        mine = await connections.listed(tx, await deps.vault.user_key(tx))
    accounts = {each.account for each in mine if each.connection_id == held.connection_id}
    family = endpoints.same_family(known) - {provider}
    return tuple(each.provider for each in mine if each.provider in family and each.account in accounts)


async def _revoke(provider: str, held: Held, deps: OAuth, kept_for: tuple[str, ...]) -> tuple[bool, str]:
    if kept_for:
        return False, f"grant shared with {', '.join(kept_for)}"
    try:
        _, at = endpoints.find(provider, deps.settings)
        return True, await endpoints.revoke(deps.http[at.family.name], at, held.access_token, held.refresh_token)
    except AdjutantError as error:
        return False, error.slug
