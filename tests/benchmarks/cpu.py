"""CPU time of a process tree: what a whole running Adjutant burnt, NATS and PostgreSQL included."""

import psutil


def cpu_seconds(*roots: int) -> float:
    """User and system seconds of the given processes and all their descendants, dead ones included.

    A live process counts itself and the children it has reaped, so nothing counts twice.
    """
    total = 0.0
    for root in roots:
        parent = psutil.Process(root)
        for process in (parent, *parent.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:  # it ended in between: its parent's children_* figures have it
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total
