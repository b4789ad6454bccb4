"""One supervisor per data directory: a lock that the system takes back when its holder dies."""

import asyncio
import fcntl
import os
from pathlib import Path

from libs.runtime.embedded.child import ServerDidNotStart

PATIENCE_S = 5.0
"""Processes forked from a killed supervisor hold its locks until they end, which they do at once."""
RETRY_S = 0.05


class Claim:
    """The right to run one server on one directory."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._file: int | None = None

    async def take(self) -> None:
        """Take it, or raise ServerDidNotStart because somebody else runs there."""
        if self._file is not None:
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not _locked(file):  # noqa: ASYNC110 - the other holder does not know us
                    await asyncio.sleep(RETRY_S)
        except BaseException as error:
            os.close(file)
            if isinstance(error, TimeoutError):
                detail = f"Another Adjutant runs its {self._what} in {self._path.parent}."
                raise ServerDidNotStart(detail) from error
            raise
        self._file = file

    def give_back(self) -> None:
        """Let another supervisor have the directory."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
