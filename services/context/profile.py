"""Who the user says they are: display name and timezone."""

from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from contracts.context import Profile
from contracts.envelope import Scope
from libs.db import Transaction
from libs.vault import Vault
from services.context.errors import InvalidDisplayName, UnknownTimezone

_PURPOSE = "display_name"
_MAX_NAME_CHARS = 200


@cache
def _timezones() -> frozenset[str]:
    # Listing them walks the timezone database on disk: once is enough.
    return frozenset(available_timezones())


def checked_timezone(name: str) -> str:
    """The name, when the timezone database knows it. Raises UnknownTimezone."""
    if name not in _timezones():
        raise UnknownTimezone("the timezone is not in the IANA database")
    return name


def checked_name(name: str) -> str:
    """The name without surrounding blanks. Raises InvalidDisplayName."""
    trimmed = name.strip()
    if not (0 < len(trimmed) <= _MAX_NAME_CHARS and trimmed.isprintable()):
        raise InvalidDisplayName(f"a display name has 1 to {_MAX_NAME_CHARS} printable characters")
    return trimmed


async def start(tx: Transaction, timezone: str, now: datetime) -> None:
    """A profile for a new account; one that its user changed already stays as it is."""
    await tx.execute(
        "insert into profiles (timezone, updated_at) values ($1, $2) on conflict do nothing", timezone, now
    )


async def change(
    tx: Transaction, vault: Vault, scope: Scope, display_name: str | None, timezone: str | None, now: datetime
) -> Profile:
    """Write what is given, keep the rest; returns the whole profile."""
    sealed = None
    if display_name is not None:
        key = await vault.user_key(tx)
        sealed = key.seal(_PURPOSE, scope.user_id, display_name.encode())
    row = await tx.fetchrow(
        """
        update profiles set display_name_sealed = coalesce($1, display_name_sealed),
            timezone = coalesce($2, timezone), updated_at = $3
        returning display_name_sealed, timezone
        """,
        sealed,
        timezone,
        now,
    )
    assert row is not None, "start() comes first, in the same transaction"
    return Profile(display_name=await open_name(tx, vault, scope, row["display_name_sealed"]), timezone=row["timezone"])


async def open_name(tx: Transaction, vault: Vault, scope: Scope, sealed: bytes | None) -> str | None:
    """The name in clear. Raises CiphertextRejected when its key is gone."""
    if sealed is None:
        return None
    key = await vault.user_key(tx)
    return key.open(_PURPOSE, scope.user_id, sealed).decode()
