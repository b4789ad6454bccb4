"""Browser sessions: an opaque signed token in an httpOnly cookie, its hash in the database.

The signature refuses a forged token without a look-up; the row makes the session expire and revocable. The CSRF
token is a signature over the session id, so that a cookie planted by another site cannot make one up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, is_id, new_id
from libs.db import Transaction
from services.gateway.principal import Origin, Permission, Principal
from services.gateway.signing import Signer, digest, new_secret

COOKIE = "adjutant_session"
CSRF_COOKIE = "adjutant_csrf"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A fresh session; the token is shown to the browser once and stored nowhere."""

    session_id: str
    token: str
    csrf_token: str
    expires_at: datetime


async def open_session(tx: Transaction, signer: Signer, hours: int, origin: Origin) -> OpenedSession:
    """Start a session for `tx.scope`. Every log-in gets a new one, so a planted session id is worth nothing."""
    assert tx.scope is not None
    session_id = new_id("s")
    body = f"{session_id}.{new_secret()}"
    token = f"{body}.{signer.sign(body)}"
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    await tx.execute(
        """
        insert into sessions
            (session_id, organization_id, user_id, token_hash, address, user_agent, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, now(), $7)
        """,
        session_id,
        tx.scope.organization_id,
        tx.scope.user_id,
        digest(token),
        str(origin.address),
        origin.user_agent,
        expires_at,
    )
    return OpenedSession(session_id, token, csrf_token(signer, session_id), expires_at)


def csrf_token(signer: Signer, session_id: str) -> str:
    """What a page must send in X-CSRF-Token with each change."""
    return signer.sign(f"csrf.{session_id}")


def session_id_of(signer: Signer, token: str) -> str | None:
    """The session a token names, when the token is one of ours."""
    body, _, signature = token.rpartition(".")
    session_id = body.partition(".")[0]
    if not (len(token) < 256 and is_id(session_id) and signer.verifies(body, signature)):
        return None
    return session_id


async def find_session(tx: Transaction, token: str) -> Principal | None:
    """The principal of a live session; the row policy shows only the row whose token hash is presented."""
    hashed = digest(token)
    await tx.present("presented_session_hash", hashed)
    row = await tx.fetchrow(
        """
        select session_id, organization_id, user_id from sessions
        where token_hash = $1 and expires_at > now() and revoked_at is null
        """,
        hashed,
    )
    if row is None:
        return None
    scope = Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"]))
    return Principal(scope, "session", row["session_id"], frozenset(Permission))


async def session_lives(tx: Transaction, session_id: str) -> bool:
    """Whether a session of `tx.scope` has neither expired nor been revoked."""
    sql = "select 1 from sessions where session_id = $1 and expires_at > now() and revoked_at is null"
    return await tx.fetchval(sql, session_id) is not None


async def close_session(tx: Transaction, session_id: str) -> None:
    """Revoke a session of `tx.scope`."""
    await tx.execute("update sessions set revoked_at = now() where session_id = $1 and revoked_at is null", session_id)
