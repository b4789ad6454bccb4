"""What happened to a connection, for good."""

from typing import Literal

from contracts.ids import new_id
from libs.db import Transaction

Action = Literal[
    "connected",
    "refreshed",
    "refresh_failed",
    "reauthorization_required",
    "disconnected",
    "declined",
    "key_stored",
    "key_replaced",
    "key_removed",
    "key_retired",
]


async def record(tx: Transaction, provider: str, action: Action, note: str = "") -> None:
    """Add an entry for the transaction's user. `note` is a status or a slug, never a provider's words."""
    await tx.execute(
        """insert into connection_audit (entry_id, provider, action, note, at)
           values ($1, $2, $3, $4, clock_timestamp())""",
        new_id("evt"),
        provider,
        action,
        note,
    )
