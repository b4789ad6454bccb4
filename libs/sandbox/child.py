"""One emulator as our own child: started, waited for, stopped, its log kept.

Smaller than `libs.runtime.embedded.child`, which it cannot use: the runtime starts the sandbox, so the sandbox
must not know the runtime.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_S = 0.02


class DidNotStart(Exception):
    """It ended, or did not answer in time."""


class Child:
    """In a session of its own, so that Ctrl-C in the terminal reaches the supervisor and not the emulator.

    Start it from a thread that lives as long as the emulator should: Linux ties its life to that thread.
    """

    def __init__(self, command: Sequence[str], log_file: Path) -> None:
        self._log_file = log_file
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the program is Node with an emulator's script
                [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )

    async def wait_until(self, answers: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Until it answers. Raises DidNotStart when it ends or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await answers():
                    if self._process.poll() is not None:
                        raise DidNotStart(f"it ended: {self._last_words()}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise DidNotStart(f"no answer within {timeout_s:g} s, see {self._log_file}") from error

    async def stop(self, timeout_s: float) -> None:
        """Ask it to end, and insist after the timeout."""
        self._process.terminate()
        try:
            async with asyncio.timeout(timeout_s):
                while self._process.poll() is None:  # noqa: ASYNC110 - nothing tells us of its end
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            self._process.kill()
        self._process.wait()

    def _last_words(self) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()
        return f"{' / '.join(lines[-3:])[:300]} (log: {self._log_file})"
