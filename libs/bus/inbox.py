"""The inbox: which messages this service has taken already. Written in the transaction of the handler's own writes."""

from libs.db import Transaction


async def first_time(tx: Transaction, consumer: str, event_id: str) -> bool:
    """Claim the message for this transaction; False when it was handled before.

    Two deliveries at once: the second waits here until the first commits (False) or rolls back (True).
    """
    claimed = await tx.fetchval(
        """INSERT INTO inbox (consumer, event_id, handled_at) VALUES ($1, $2, now())
           ON CONFLICT (consumer, event_id) DO NOTHING RETURNING true""",
        consumer,
        event_id,
    )
    return claimed is True
