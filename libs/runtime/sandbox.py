"""The sandbox of emulated providers as a process of its own, beside the services or alone."""

import asyncio
import json
import os
import select
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from libs.runtime.child_process import fork, run_loop
from libs.runtime.errors import StartFailed

START_TIMEOUT_S = 60.0
DIRECTORY = "sandbox"


def run_sandbox(data_dir: Path, say: Callable[[str], None]) -> int:
    """Until SIGTERM or SIGINT; prints the settings as lines of a .env file."""
    run_loop(lambda stop: _hold(data_dir, stop, lambda settings: say(_as_lines(settings))))
    return 0


@contextmanager
def sandbox_settings(data_dir: Path, *, with_model: bool = True) -> Iterator[dict[str, str]]:
    """Start the emulators and give the settings that point at them; end them with the block. Raises StartFailed."""
    reading, writing = os.pipe()

    def work() -> int:
        def tell(settings: Mapping[str, str]) -> None:
            os.write(writing, json.dumps(dict(settings)).encode() + b"\n")

        run_loop(lambda stop: _hold(data_dir, stop, tell, with_model=with_model))
        return 0

    pid = fork(work, [writing])
    os.close(writing)
    try:
        yield _told(reading)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _told(reading: int) -> dict[str, str]:
    """The settings the child writes once its emulators answer; less than a pipe holds."""
    ready = select.select([reading], [], [], START_TIMEOUT_S)[0]
    told = os.read(reading, 65_536) if ready else b""
    if not told:
        raise StartFailed("The sandbox did not start.")
    settings: dict[str, str] = json.loads(told)
    return settings


async def _hold(
    data_dir: Path, stop: asyncio.Event, tell: Callable[[Mapping[str, str]], None], *, with_model: bool = True
) -> None:
    from libs.sandbox import Sandbox
    from libs.sandbox.seeds import SECOND

    async with Sandbox(data_dir / DIRECTORY, with_model=with_model, others=(SECOND,)) as sandbox:
        tell(sandbox.settings())
        await stop.wait()


def _as_lines(settings: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in sorted(settings.items()))
