"""Becomes a server: `python -I launch.py <signal> <parent pid> <user or -> <program> <arguments…>`.

Runs between fork and exec of an embedded server. It drops root's rights when told to, and asks Linux to send the
server `signal` when the parent dies, so that a supervisor killed with -9 leaves no server behind. The process id
stays the same. Imports the standard library alone: it runs under another user, outside the virtual environment.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    death_signal, parent, user, program, *rest = arguments
    if user != "-":
        import pwd

        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        # After setuid: a change of credentials would clear it.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone")
    os.execv(program, [program, *rest])  # noqa: S606 - no shell on purpose


if __name__ == "__main__":
    main(sys.argv[1:])
