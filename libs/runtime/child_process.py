"""What happens in a forked child: leave the supervisor's things behind, run one service, end with a code that tells."""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import NoReturn

import uvloop

from libs.bus.errors import TopologyDrift
from libs.resilience.errors import InvalidInput
from libs.runtime.errors import BusLost
from libs.telemetry import get_logger

log = get_logger("libs.runtime")

EXIT_BUS_LOST = 75
"""EX_TEMPFAIL: start me again."""
EXIT_CONFIGURATION = 78
"""EX_CONFIG: starting again does not help before somebody changes something."""
PR_SET_PDEATHSIG = 1


def fork(work: Callable[[], int], keep: Iterable[int]) -> int:
    """Fork; the child closes every descriptor but its standard ones and `keep`, works, and ends. Returns its pid.

    The caller has one thread and no running event loop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _in_child(work, parent, set(keep))
    return pid


def _in_child(work: Callable[[], int], parent: int, keep: set[int]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        end_with_parent(parent)
        _close_others(keep)
        gc.enable()
        code = work()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException as error:
        code = exit_code(error)
    finally:
        # Never back into the supervisor's stack: its context managers are not ours to leave.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def exit_code(error: BaseException) -> int:
    """Log why the process ends, and choose the code."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return exit_code(error.exceptions[0])
    if isinstance(error, BusLost):
        log.error("process_ends", why=error.detail)
        return EXIT_BUS_LOST
    if isinstance(error, InvalidInput | TopologyDrift):
        log.error("process_cannot_start", why=error.detail, error=error.slug, advice=error.advice)
        return EXIT_CONFIGURATION
    log.error("process_failed", exc_info=error)
    return 1


def end_with_parent(parent: int) -> None:
    """Linux sends SIGTERM when the parent dies, however it dies; elsewhere an orphan lives until it is told to end."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the parent is gone")


def _close_others(keep: set[int]) -> None:
    """Locks and sockets of others. The objects stay referenced by the supervisor's frames, so none closes twice."""
    low = 3
    for kept in sorted(fd for fd in keep if fd >= low):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, 1024)


def run_loop(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """A fresh uvloop whose SIGTERM and SIGINT set the event that `work` is given."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
