"""Fixtures of every layer: the session's real servers, and for each test module a database and a NATS account.

Nothing starts before the first test that asks for it, so unit tests need no server.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from contracts.envelope import Scope, Service
from contracts.ids import OrganizationId, UserId, new_id
from libs.bus.provision import provision
from libs.db import Database
from libs.runtime.discovery import load_service
from libs.runtime.run import RunningService
from libs.runtime.run import start_service as start_in_process
from libs.runtime.settings import PlatformSettings
from libs.testing.servers import NatsAccount, Servers, ServiceDatabase, stop_keeper

# How long an example takes says more about the machine than about us, and nothing a test should fail for.
hypothesis.settings.register_profile("unhurried", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("unhurried")

_DIRECTORY = pytest.StashKey[Path]()
_SESSION_PID = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--every-way` is what `make deep` gives."""
    parser.addoption("--every-way", action="store_true", help="all variants of tests marked `every_way`, not a sample")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first. Of tests that show one promise in many ways CI runs a sample, always the same."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)
    if config.getoption("--every-way"):
        return
    variants: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("every_way") is not None:
            variants.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out: set[pytest.Item] = set()
    for found in variants.values():
        marker = found[0].get_closest_marker("every_way")
        assert marker is not None
        step = max(1.0, len(found) / int(marker.kwargs["sample"]))
        kept = {int(n * step) for n in range(int(marker.kwargs["sample"])) if int(n * step) < len(found)}
        left_out.update(item for n, item in enumerate(found) if n not in kept)
    if left_out:
        config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
        items[:] = [item for item in items if item not in left_out]


def pytest_configure(config: pytest.Config) -> None:
    """The session's process makes the directory; workers are told where it is."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        directory = Path(tempfile.mkdtemp(prefix="adjutant-tests-"))
        directory.chmod(0o711)  # entered, not listed: PostgreSQL may run as another user
        config.stash[_DIRECTORY], config.stash[_SESSION_PID] = directory, os.getpid()
    else:
        config.stash[_DIRECTORY] = Path(given["adjutant_directory"])
        config.stash[_SESSION_PID] = int(given["adjutant_session_pid"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each worker."""
    node.workerinput["adjutant_directory"] = str(node.config.stash[_DIRECTORY])
    node.workerinput["adjutant_session_pid"] = node.config.stash[_SESSION_PID]


def pytest_unconfigure(config: pytest.Config) -> None:
    """The session's process stops the servers, also when a worker crashed."""
    if not hasattr(config, "workerinput"):
        stop_keeper(config.stash[_DIRECTORY])
        shutil.rmtree(config.stash[_DIRECTORY], ignore_errors=True)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The PostgreSQL and the NATS of this session, shared by all workers."""
    return Servers.of_session(pytestconfig.stash[_DIRECTORY], pytestconfig.stash[_SESSION_PID])


@pytest.fixture(scope="module")
def schemas(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The services whose schemas a module needs: its own below tests/service/<service>, else all. Override at will."""
    layer, name = Path(request.path).parts[-3:-1]
    return (name,) if layer == "service" and name in set(Service) else tuple(Service)


@pytest.fixture(scope="module")
async def database(servers: Servers, schemas: tuple[str, ...]) -> AsyncIterator[ServiceDatabase]:
    """This module's own database, migrated."""
    made = await servers.database(f"test_{new_id('x')}", schemas)
    yield made
    await made.drop()


@pytest.fixture(scope="module")
def postgres_url(database: ServiceDatabase) -> Callable[[str], str]:
    """`postgres_url("chat")`: what the chat service would be configured with."""
    return database.url


@pytest.fixture(scope="module")
async def nats_account(servers: Servers) -> AsyncIterator[NatsAccount]:
    """This module's own NATS account, empty."""
    account = await servers.lease_account()
    yield account
    await account.release()


@dataclass(frozen=True, slots=True)
class Platform:
    """What services run on: a migrated database, a provisioned bus, the master keys."""

    database: ServiceDatabase
    nats: NatsAccount

    @property
    def master_keys(self) -> str:
        """As in ADJUTANT_MASTER_KEYS."""
        return self.database.servers.master_keys

    def settings(self, service: str, data_dir: Path) -> PlatformSettings:
        """The platform as this service is configured with it; every port is a free one."""
        return PlatformSettings.explicit(
            nats_url=self.nats.url_for(service),
            database_url=self.database.url(service),
            master_keys=self.master_keys,
            data_dir=data_dir,
            port=0,
            trace_file_mb=0,
        )


@pytest.fixture(scope="module")
async def platform(database: ServiceDatabase, nats_account: NatsAccount) -> Platform:
    """Database and account of this module, with every stream and consumer in place."""
    admin = await nats_account.admin()
    await provision(admin.jetstream)
    await admin.close()
    return Platform(database, nats_account)


@pytest.fixture(scope="module")
async def connect(database: ServiceDatabase) -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """`await connect("chat")`: a pool that logs in as that service; closed with the module."""
    opened: dict[str, Database] = {}

    async def open_once(service: str) -> Database:
        if service not in opened:
            opened[service] = await Database.connect(database.url(service), service, wait_s=10)
        return opened[service]

    yield open_once
    for pool in opened.values():
        await pool.close()


@pytest.fixture
async def start_service(platform: Platform, data_dir: Path) -> AsyncIterator[Callable[..., Awaitable[RunningService]]]:
    """`await start_service("chat", first_token_s=1)`: the service in this process, ready; stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start(name: str, **settings: Any) -> RunningService:
            run = start_in_process(load_service(name), platform.settings(name, data_dir), **settings)
            return await stack.enter_async_context(run)

        yield start


@pytest.fixture
def scope() -> Scope:
    """A user nobody else has."""
    return new_scope()


@pytest.fixture
def stranger() -> Scope:
    """A second user, of another organization."""
    return new_scope()


def new_scope() -> Scope:
    """A fresh user in a fresh organization."""
    return Scope(OrganizationId(new_id("org")), UserId(new_id("u")))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty directory with a short path (sockets) that other users may enter (PostgreSQL under root)."""
    directory = Path(tempfile.mkdtemp(prefix="adj-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
