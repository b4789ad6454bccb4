"""`python -m tests.benchmarks [name …]`: run all benchmarks or the named ones."""

import asyncio
import importlib
import sys

BENCHES = ("bus", "chat", "models", "sync", "tools", "webhooks")


def main(names: list[str]) -> int:
    """Run them one after another; 2 for an unknown name."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(BENCHES)}\n")
        return 2
    for name in names or BENCHES:
        asyncio.run(importlib.import_module(f"tests.benchmarks.{name}").run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
