"""Becomes an emulator: `python -I -S launch.py <parent pid> <program> <arguments…>`.

Runs between fork and exec: Linux shall end the emulator when its parent dies, also by kill -9. The process id stays.
Imports the standard library alone, because it is started outside the virtual environment.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, program: str, *arguments: str) -> None:
    """Never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell on purpose


if __name__ == "__main__":
    main(*sys.argv[1:])
