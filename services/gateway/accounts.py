"""Users and their organizations."""

from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Scope
from contracts.gateway import Tier, UserRegistered
from contracts.ids import OrganizationId, UserId, new_id
from libs.bus import publish
from libs.db import Database, Transaction, UniqueViolation
from services.gateway.audit import Action, record
from services.gateway.errors import EmailTaken
from services.gateway.principal import Origin
from services.gateway.signing import digest


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What a sign-up asks for; the address is normalised and the password hashed."""

    email: str
    password_hash: str
    display_name: str | None
    timezone: str
    tier: Tier


@dataclass(frozen=True, slots=True)
class Account:
    """A person with an account."""

    scope: Scope
    email: str
    display_name: str | None
    timezone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """What a log-in is checked against."""

    scope: Scope
    password_hash: str


async def register(db: Database, new: NewAccount, origin: Origin) -> Scope:
    """Create the user, their organization and the event that tells the others, or nothing. Raises EmailTaken."""
    scope = Scope(OrganizationId(new_id("org")), UserId(new_id("u")))
    try:
        async with db.transaction(scope) as tx:
            await _insert(tx, scope, new)
            await record(tx, f"user:{scope.user_id}", Action.SIGNED_UP, scope.user_id, origin)
            await publish(
                tx,
                UserRegistered(
                    user_id=scope.user_id, organization_id=scope.organization_id, timezone=new.timezone, tier=new.tier
                ),
            )
    except UniqueViolation as taken:
        raise EmailTaken("There is an account with this e-mail address already.") from taken
    return scope


async def _insert(tx: Transaction, scope: Scope, new: NewAccount) -> None:
    await tx.execute(
        "insert into organizations (organization_id, name, tier, created_at) values ($1, $2, $3, now())",
        scope.organization_id,
        new.display_name or "Personal",
        new.tier,
    )
    await tx.execute(
        """
        insert into users
            (user_id, organization_id, email, email_hash, display_name, timezone, password_hash, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, now())
        """,
        scope.user_id,
        scope.organization_id,
        new.email,
        digest(new.email),
        new.display_name,
        new.timezone,
        new.password_hash,
    )


async def find_lock(tx: Transaction, email: str) -> Lock | None:
    """The password hash of the account with this normalised address; the row policy shows no other row."""
    hashed = digest(email)
    await tx.present("presented_email_hash", hashed)
    row = await tx.fetchrow("select organization_id, user_id, password_hash from users where email_hash = $1", hashed)
    if row is None:
        return None
    return Lock(Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])), row["password_hash"])


async def find_owner(tx: Transaction, email: str) -> Scope | None:
    """Whose this normalised address is; for telling them, never for answering whoever asked."""
    lock = await find_lock(tx, email)
    return lock.scope if lock else None


async def renew_hash(tx: Transaction, password_hash: str) -> None:
    """Store the same password under today's argon2 parameters."""
    assert tx.scope is not None
    await tx.execute("update users set password_hash = $2 where user_id = $1", tx.scope.user_id, password_hash)


async def find_account(tx: Transaction) -> Account:
    """The account of `tx.scope`."""
    assert tx.scope is not None
    row = await tx.fetchrow(
        "select email, display_name, timezone, created_at from users where user_id = $1", tx.scope.user_id
    )
    assert row is not None, "a session outlived its account"
    return Account(tx.scope, row["email"], row["display_name"], row["timezone"], row["created_at"])


async def update_account(tx: Transaction, display_name: str | None, timezone: str | None) -> None:
    """Change what is given; absent fields stay."""
    assert tx.scope is not None
    await tx.execute(
        """
        update users set display_name = coalesce($2, display_name), timezone = coalesce($3, timezone)
        where user_id = $1
        """,
        tx.scope.user_id,
        display_name,
        timezone,
    )
