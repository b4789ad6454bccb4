"""The data directory of an installation: who holds it, and what runs there (`run.json`)."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from libs.runtime.errors import DataDirectoryTaken

RUN_FILE = "run.json"
LOCK_FILE = "lock"


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One process of a service."""

    service: str
    replica: int
    pid: int
    health_port: int
    url: str | None = None
    """Of a gateway: where it answers."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the supervisor says of itself, rewritten with every change."""

    supervisor_pid: int
    gateway_url: str
    processes: tuple[RunningProcess, ...]
    postgres_pid: int | None = None
    nats_pid: int | None = None
    gateway_urls: tuple[str, ...] = ()
    nats_url: str | None = None
    """Of the embedded server, without a user."""

    @classmethod
    def read(cls, data_dir: Path) -> "RunRecord | None":
        """What runs on this directory; None when nothing does."""
        try:
            found = json.loads((data_dir / RUN_FILE).read_text())
        except FileNotFoundError:
            return None
        processes = tuple(RunningProcess(**process) for process in found.pop("processes"))
        return cls(processes=processes, gateway_urls=tuple(found.pop("gateway_urls")), **found)

    def write(self, data_dir: Path) -> None:
        """Replace the file in one step: a reader sees the old or the new."""
        draft = data_dir / f"{RUN_FILE}.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(data_dir / RUN_FILE)


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Hold the directory. Raises DataDirectoryTaken, which says who holds it and where it answers.

    The lock is the system's: it ends with the process, however that ends.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryTaken(f"{data_dir} is held by {_holder(data_dir)}.") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            (data_dir / RUN_FILE).unlink(missing_ok=True)


def _holder(data_dir: Path) -> str:
    if record := RunRecord.read(data_dir):
        return f"process {record.supervisor_pid}, which answers at {record.gateway_url}"
    with contextlib.suppress(OSError):
        return f"process {(data_dir / LOCK_FILE).read_text().strip() or 'unknown'}, which is just starting"
    return "another process"
