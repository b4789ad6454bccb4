"""The embedded servers: started once, back after a kill with everything committed, gone with their supervisor."""

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from contracts.envelope import Service
from libs.db import DatabaseUnavailable
from libs.runtime.embedded import EmbeddedNats, EmbeddedPostgres, EmbeddedSecrets, claim
from libs.runtime.embedded.child import ServerDidNotStart


async def killed(server: EmbeddedPostgres | EmbeddedNats) -> None:
    """`kill -9`, and wait until it is gone."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while server.pid is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_committed_row_survives_a_kill_of_postgres(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, "owner's pass/word")
    await server.start()
    connection = await asyncpg.connect(server.admin_url)
    assert await connection.fetchval("show fsync") == "on"
    await connection.execute("create table kept (n int)")
    await connection.execute("insert into kept select generate_series(1, 1000)")

    await killed(server)
    connection.terminate()
    assert await server.ensure_running()
    assert not await server.ensure_running()

    connection = await asyncpg.connect(server.admin_url)
    assert await connection.fetchval("select count(*) from kept") == 1000
    await connection.close()
    await server.stop()


async def test_an_acknowledged_message_survives_a_kill_of_nats(data_dir: Path) -> None:
    secrets = EmbeddedSecrets.load_or_create(data_dir, Service)
    server = EmbeddedNats(data_dir, secrets.nats_users)
    await server.start()
    address = server.url_for("admin")
    client = await nats.connect(address)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    for number in range(100):
        await client.jetstream().publish("kept", b"%d" % number)
    await client.close()

    await killed(server)
    assert await server.ensure_running()

    client = await nats.connect(address)
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 100
    await client.close()
    await server.stop()


async def test_no_server_listens_beyond_this_machine_or_without_a_password(data_dir: Path) -> None:
    secrets = EmbeddedSecrets.load_or_create(data_dir, Service)
    postgres = EmbeddedPostgres(data_dir, secrets.postgres_owner)
    bus = EmbeddedNats(data_dir, secrets.nats_users)
    await asyncio.gather(postgres.start(), bus.start())

    assert psutil.Process(postgres.pid).net_connections(kind="tcp") == []
    listening = {c.laddr.ip for c in psutil.Process(bus.pid).net_connections(kind="tcp") if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}
    for wrong in (postgres.url("postgres", ""), postgres.url("postgres", "guess")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
    assert (await _greeting(bus))["auth_required"]
    assert stat.S_IMODE(postgres.socket_dir.stat().st_mode) == 0o700
    await asyncio.gather(postgres.stop(), bus.stop())


async def _greeting(bus: EmbeddedNats) -> dict[str, object]:
    """What nats-server says first, as every client sees it."""
    host, _, port = bus.url.removeprefix("nats://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    said: dict[str, object] = json.loads(line.removeprefix(b"INFO "))
    return said


async def test_a_supervisor_that_was_killed_leaves_no_server_and_its_successor_starts(data_dir: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from contracts.envelope import Service\n"
        "from libs.runtime.embedded import *\n"
        "async def main():\n"
        "    data = Path(sys.argv[1])\n"
        "    secrets = EmbeddedSecrets.load_or_create(data, Service)\n"
        "    servers = EmbeddedPostgres(data, secrets.postgres_owner), EmbeddedNats(data, secrets.nats_users)\n"
        "    for server in servers: await server.start()\n"
        "    print(*[server.pid for server in servers], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(data_dir), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pids = [int(word) for word in (await supervisor.stdout.readline()).split()]
    supervisor.kill()
    await supervisor.wait()

    secrets = EmbeddedSecrets.load_or_create(data_dir, Service)
    successors = EmbeddedPostgres(data_dir, secrets.postgres_owner), EmbeddedNats(data_dir, secrets.nats_users)
    for server in successors:
        await server.start()

    assert {server.pid for server in successors}.isdisjoint(pids)
    async with asyncio.timeout(5):
        while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for server in successors:
        await server.stop()


async def test_a_second_supervisor_on_the_same_directory_is_refused(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "PATIENCE_S", 0.2)
    first = EmbeddedPostgres(data_dir, "owner", fast=True)
    await first.start()

    with pytest.raises(ServerDidNotStart, match="Another Adjutant"):
        await EmbeddedPostgres(data_dir, "owner", fast=True).start()

    assert first.pid is not None
    await first.stop()
    second = EmbeddedPostgres(data_dir, "owner", fast=True)
    await second.start()
    await second.stop()


async def test_an_interrupted_first_start_is_no_obstacle(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")

    server = EmbeddedPostgres(data_dir, "owner", fast=True)
    await server.start()
    await server.stop()


async def test_a_data_directory_with_a_long_path_works(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = EmbeddedPostgres(deep, "owner", fast=True)
    await server.start()
    connection = await asyncpg.connect(server.admin_url)
    await connection.close()
    await server.stop()
    server.socket_dir.rmdir()


async def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(ServerDidNotStart, match=r"postgres\.log"):
        await EmbeddedPostgres(data_dir, "owner").start()


async def test_waiting_for_a_stopped_server_is_an_outage(data_dir: Path) -> None:
    from libs.db import Database

    with pytest.raises(DatabaseUnavailable):
        await Database.connect(EmbeddedPostgres(data_dir, "x").admin_url, "any", wait_s=0)


def test_secrets_are_made_once_and_read_by_their_owner_alone(data_dir: Path) -> None:
    first = EmbeddedSecrets.load_or_create(data_dir, ["chat"])
    second = EmbeddedSecrets.load_or_create(data_dir, ["chat", "tool"])

    assert stat.S_IMODE((data_dir / "secrets.json").stat().st_mode) == 0o600
    assert second.postgres_roles["chat"] == first.postgres_roles["chat"]
    assert second.master_keys == first.master_keys
    assert set(second.nats_users) == {"chat", "tool", "admin"}
    values = [*second.postgres_roles.values(), *second.nats_users.values(), second.postgres_owner, second.session_key]
    assert len(set(values)) == len(values)
    assert not any(value in repr(second) for value in values)
    assert json.loads((data_dir / "secrets.json").read_text())["session_key"] == second.session_key
