"""Keeps the servers of one test session: `python -m libs.testing.keeper <directory> <pid of the session>`.

A process of its own, so that the servers outlive any pytest worker and never outlive the session: it ends with
SIGTERM or when the session's process is gone, and the servers end with it (see `libs.runtime.embedded.launch`).
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil

from contracts.envelope import Service
from libs.bus.server_config import Account
from libs.runtime.embedded import EmbeddedNats, EmbeddedPostgres, EmbeddedSecrets

ACCOUNTS = 32
"""NATS accounts on the server: what can be leased at the same time (`libs.testing.servers`)."""
WATCH_S = 0.25


def accounts() -> list[Account]:
    """The isolated Adjutants of one server; user names are `a7_chat`."""
    return [Account(name=f"A{n}", user_prefix=f"a{n}_") for n in range(ACCOUNTS)]


async def keep(directory: Path, session_pid: int) -> None:
    """Start both servers, write their addresses, wait for the end, stop them."""
    secrets = EmbeddedSecrets.load_or_create(directory, Service)
    postgres = EmbeddedPostgres(directory, secrets.postgres_owner, fast=True)
    nats = EmbeddedNats(directory, secrets.nats_users, accounts=accounts(), fast=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        await asyncio.gather(postgres.start(), nats.start())
        _publish(directory, postgres, nats, secrets)
        while not ended.is_set() and psutil.pid_exists(session_pid):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_S):
                    await ended.wait()
    finally:
        await asyncio.gather(nats.stop(), postgres.stop())
    shutil.rmtree(directory, ignore_errors=True)


def _publish(directory: Path, postgres: EmbeddedPostgres, nats: EmbeddedNats, secrets: EmbeddedSecrets) -> None:
    found = {
        "admin_url": postgres.admin_url,
        "nats_url": nats.url,
        "postgres_roles": secrets.postgres_roles,
        "nats_users": secrets.nats_users,
        "master_keys": secrets.master_keys,
        "session_key": secrets.session_key,
        "pids": {"keeper": os.getpid(), "postgres": postgres.pid, "nats": nats.pid},
    }
    draft = directory / "servers.new"
    draft.write_text(json.dumps(found))
    draft.replace(directory / "servers.json")


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1]), int(sys.argv[2])))
