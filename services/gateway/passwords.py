"""Passwords: argon2id, off the event loop, a few at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from libs.resilience.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class HashingBusy(Unavailable):
    """Too many log-ins wait for a core already."""

    slug = "log_in_busy"
    advice = "Try again in a few seconds."


class Passwords:
    """Hashes and checks passwords; the number of threads bounds the memory and cores that log-ins may take."""

    def __init__(self, *, memory_kib: int, passes: int, workers: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._waiting_limit = workers * 32
        self._waiting = 0
        self._decoy = self._hasher.hash("no account has this password")

    async def hash(self, password: str) -> str:
        """The encoded hash, with its own salt and parameters."""
        return await self._run(self._hasher.hash, password)

    async def matches(self, encoded: str | None, password: str) -> bool:
        """Whether the password is the one hashed; an unknown account (None) takes as long as a wrong password."""
        same = await self._run(self._verify, encoded or self._decoy, password)
        return same and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        if self._waiting >= self._waiting_limit:
            raise HashingBusy("Too many people are logging in right now.", retry_after_s=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments, **named))
        finally:
            self._waiting -= 1
