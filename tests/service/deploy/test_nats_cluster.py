"""The NATS cluster as it is deployed: three real servers on the deployed configuration, one of them killed."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.chat import RunTurn, StopTurn
from contracts.envelope import Service
from libs.bus import Bus, BusUnavailable
from libs.bus.errors import CONNECTION_ERRORS
from libs.bus.provision import provision
from libs.bus.server_config import ADMIN, environment_variable
from libs.testing.running import free_port
from tests.conftest import new_scope
from tests.house.repository import ROOT

PASSWORD = "p4ssw0rd"
FORMED_S = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Three servers; `ports` are where clients connect."""

    ports: list[int]
    servers: list[asyncio.subprocess.Process]

    async def connect(self, user: str, node: int = 0) -> Bus:
        """A connection to one node; it learns of the others."""
        service = Service.GATEWAY if user == ADMIN else Service(user)
        bus = Bus(service, f"nats://127.0.0.1:{self.ports[node]}", user=user, password=PASSWORD)
        await bus.connect()
        return bus


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Started from deploy/nats/cluster.conf; only addresses and directories differ from a deployment."""
    data_dir = tmp_path_factory.mktemp("nats")
    ports, routes = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    shutil.copytree(ROOT / "contracts" / "generated" / "permissions", data_dir / "permissions")
    servers = []
    for node in range(3):
        configuration = (ROOT / "deploy" / "nats" / "cluster.conf").read_text()
        for deployed, here in (
            ("0.0.0.0:4222", f"127.0.0.1:{ports[node]}"),
            ("0.0.0.0:6222", f"127.0.0.1:{routes[node]}"),
            ("0.0.0.0:8222", f"127.0.0.1:{free_port()}"),
            ('"/data"', f'"{data_dir / str(node)}"'),
        ):
            assert deployed in configuration
            configuration = configuration.replace(deployed, here)
        file = data_dir / f"{node}.conf"
        file.write_text(configuration)
        servers.append(await _start(file, node, routes))
    cluster = Cluster(ports, servers)
    await _provision(cluster)
    yield cluster
    for server in servers:
        if server.returncode is None:
            server.kill()
        await server.wait()


async def _start(file: Path, node: int, routes: list[int]) -> asyncio.subprocess.Process:
    environment = {
        "NATS_SERVER_NAME": f"nats-{node}",
        "NATS_CLUSTER_PASSWORD": PASSWORD,
        "NATS_ROUTES": json.dumps([f"nats://cluster:{PASSWORD}@127.0.0.1:{port}" for port in routes]),
        **{environment_variable(user): PASSWORD for user in (*Service, ADMIN)},
    }
    return await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "nats-server"),
        *("-c", str(file), "-l", str(file.with_suffix(".log"))),
        env=os.environ | environment,
    )


async def _provision(cluster: Cluster) -> None:
    admin = await cluster.connect(ADMIN)
    async with asyncio.timeout(FORMED_S):
        while True:
            try:
                await provision(admin.jetstream, replicas=3)
                break
            except CONNECTION_ERRORS:
                await asyncio.sleep(0.2)  # the three are still electing a leader
    await admin.close()


async def test_a_service_that_speaks_outside_its_contract_is_refused_by_the_server(cluster: Cluster) -> None:
    voice = await cluster.connect("voice")

    with pytest.raises((BusUnavailable, TimeoutError)):
        async with asyncio.timeout(2):
            await voice.send(StopTurn.example(), scope=new_scope())
    admin = await cluster.connect(ADMIN)
    assert (await admin.jetstream.stream_info("CMD_CHAT")).state.messages == 0
    for bus in (voice, admin):
        await bus.close()


async def test_an_accepted_command_survives_the_death_of_any_server(cluster: Cluster) -> None:
    gateway = await cluster.connect("gateway")

    sent = [await gateway.send(RunTurn.example(), scope=new_scope()) for _ in range(5)]
    cluster.servers[0].kill()
    sent += [await _send_patiently(gateway) for _ in range(5)]

    admin = await cluster.connect(ADMIN, node=1)
    info = await admin.jetstream.stream_info("CMD_CHAT")
    assert info.state.messages == len(sent)
    assert info.config.num_replicas == 3
    for bus in (gateway, admin):
        await bus.close()


async def _send_patiently(bus: Bus) -> str:
    """A new leader is elected within seconds; until then the sender is told that the bus is away."""
    scope, command = new_scope(), RunTurn.example()
    event_id = None
    async with asyncio.timeout(FORMED_S):
        while event_id is None:
            try:
                event_id = await bus.send(command, scope=scope, id=f"evt_{scope.user_id.removeprefix('u_')}")
            except BusUnavailable:
                await asyncio.sleep(0.2)
    return event_id
