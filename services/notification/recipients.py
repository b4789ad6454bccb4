"""How a user may be reached; kept from events, used by the channels beyond the inbox."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from libs.db import Transaction


async def start(tx: Transaction, timezone: str) -> None:
    """A new account; a timezone its user chose before we heard of it stays."""
    await tx.execute(
        """
        insert into recipients as known (timezone) values ($1)
        on conflict (organization_id, user_id) do update set timezone = coalesce(known.timezone, excluded.timezone)
        """,
        timezone,
    )


async def set_timezone(tx: Transaction, timezone: str) -> None:
    """The timezone that times are told in, and quiet hours reckoned."""
    await tx.execute(
        """
        insert into recipients (timezone) values ($1)
        on conflict (organization_id, user_id) do update set timezone = excluded.timezone
        """,
        timezone,
    )


async def zone(tx: Transaction) -> ZoneInfo:
    """On whose clock times are told; UTC until we have heard of it."""
    name = await tx.fetchval("select timezone from recipients where user_id = $1", tx.require_scope().user_id)
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


async def set_telephone(tx: Transaction, *, may_call: bool, may_text: bool) -> None:
    """What the user allows by telephone."""
    await tx.execute(
        """
        insert into recipients (may_call, may_text) values ($1, $2)
        on conflict (organization_id, user_id) do update
            set may_call = excluded.may_call, may_text = excluded.may_text
        """,
        may_call,
        may_text,
    )
