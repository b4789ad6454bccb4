"""What is put before the assistant unasked: entries of the user's own words that have to do with a message."""

from datetime import datetime

from contracts.memory import MemoryView
from libs.db import Transaction
from libs.vault import Vault
from services.context.memory import book
from services.context.memory.relevance import recalled

MOST = 5
LONGEST_MESSAGE = 2_000
"""Of the message, in characters: what comes later in it hardly says what it is about."""


async def of_message(tx: Transaction, vault: Vault, text: str, now: datetime) -> tuple[MemoryView, ...]:
    """Best first. None that texts of others went into: those are looked up on purpose, and marked."""
    entries = [entry for entry in await book.listed(tx, vault, (), ()) if not entry.from_others]
    return tuple(each.memory for each in recalled(entries, text[:LONGEST_MESSAGE], MOST, now))
