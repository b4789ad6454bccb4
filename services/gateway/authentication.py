"""From the credential of a request to a principal.

A session cookie or an API key as bearer, nothing else: there are no JWTs here, so none can be forged. What was
found is remembered for a few seconds, so that a busy client costs no look-up per request.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from libs.db import Database
from libs.resilience.errors import Unauthenticated
from services.gateway.api_keys import find_key, key_lives, looks_like_key, note_use
from services.gateway.principal import Principal
from services.gateway.sessions import find_session, session_id_of, session_lives
from services.gateway.signing import Signer, digest

log = structlog.get_logger("services.gateway")


class PrincipalCache:
    """Principals by the hash of their credential; bounded, each entry short-lived."""

    def __init__(self, entries: int, lifetime_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries, self._lifetime_s, self._clock = entries, lifetime_s, clock
        self._found: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._checked: OrderedDict[str, float] = OrderedDict()
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._found)

    def get(self, credential_hash: str) -> Principal | None:
        """The principal, when it was looked up a moment ago."""
        kept = self._found.get(credential_hash)
        if kept is None or kept[0] <= self._clock():
            self._found.pop(credential_hash, None)
            self.misses += 1
            return None
        self.hits += 1
        return kept[1]

    def put(self, credential_hash: str, principal: Principal) -> None:
        """Remember; the oldest entry makes room."""
        self._found[credential_hash] = (self._clock() + self._lifetime_s, principal)
        self._found.move_to_end(credential_hash)
        while len(self._found) > self._entries:
            self._found.popitem(last=False)

    def recently_checked(self, principal_id: str) -> bool:
        """Whether an open connection's principal was found valid a moment ago."""
        return self._checked.get(principal_id, 0.0) > self._clock()

    def note_checked(self, principal_id: str) -> None:
        """Remember that it was."""
        self._checked[principal_id] = self._clock() + self._lifetime_s
        self._checked.move_to_end(principal_id)
        while len(self._checked) > self._entries:
            self._checked.popitem(last=False)

    def forget(self, principal_id: str) -> None:
        """Drop a session or key at once; other replicas follow when their entry expires."""
        self._checked.pop(principal_id, None)
        for credential_hash in [h for h, (_, found) in self._found.items() if found.id == principal_id]:
            del self._found[credential_hash]


class Authenticator:
    """Tells who presents a credential."""

    def __init__(self, db: Database, signer: Signer, cache: PrincipalCache) -> None:
        self._db, self.signer, self.cache = db, signer, cache
        self._notes: set[asyncio.Task[None]] = set()

    async def by_key(self, secret: str) -> Principal:
        """The principal behind an API key. Raises Unauthenticated."""
        if not looks_like_key(secret):
            raise Unauthenticated("The bearer token is not an API key of this service.")
        hashed = digest(secret)
        if known := self.cache.get(hashed):
            return known
        async with self._db.reading(None) as tx:
            found = await find_key(tx, secret)
        if found is None:
            raise Unauthenticated("The API key is not valid, was revoked, or has expired.")
        principal, stale = found
        self.cache.put(hashed, principal)
        if stale:
            # Nobody waits for a date that only the list of keys shows.
            self.later(self._note_use(principal))
        return principal

    async def by_session(self, token: str) -> Principal:
        """The principal behind a session cookie. Raises Unauthenticated."""
        if session_id_of(self.signer, token) is None:
            raise Unauthenticated("The session cookie is not one of ours.")
        hashed = digest(token)
        if known := self.cache.get(hashed):
            return known
        async with self._db.reading(None) as tx:
            principal = await find_session(tx, token)
        if principal is None:
            raise Unauthenticated("The session has ended.")
        self.cache.put(hashed, principal)
        return principal

    async def still_valid(self, caller: Principal) -> None:
        """For a connection that stays open: raises Unauthenticated once its session or key has ended."""
        if self.cache.recently_checked(caller.id):
            return
        async with self._db.reading(caller.scope) as tx:
            alive = await (session_lives(tx, caller.id) if caller.kind == "session" else key_lives(tx, caller.id))
        if not alive:
            raise Unauthenticated("The session or API key has ended.")
        self.cache.note_checked(caller.id)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the request, such as a note that the caller need not wait for."""
        task = asyncio.create_task(work)
        self._notes.add(task)
        task.add_done_callback(self._noted)

    async def close(self) -> None:
        """Let the notes in flight be written."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._notes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("note_lost", error=type(error).__name__)

    async def _note_use(self, principal: Principal) -> None:
        async with self._db.transaction(principal.scope) as tx:
            await note_use(tx, principal.id)
