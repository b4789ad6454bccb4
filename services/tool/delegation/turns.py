"""One after the other for each owner, within this process, before a connection to the database is taken.

`steps.lock_owner` orders all replicas; without this, those who wait there would each hold a connection, and a rush on
one link would leave none for anybody else.
"""

import asyncio
from weakref import WeakValueDictionary

from contracts.ids import UserId


class Turns:
    """`async with turns.of(owner):`"""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    def of(self, owner: UserId) -> asyncio.Lock:
        """The owner's lock, which lives as long as somebody holds it or waits for it."""
        lock = self._locks.get(owner)
        if lock is None:
            lock = self._locks[owner] = asyncio.Lock()
        return lock
