"""A whole Adjutant and the emulated providers, started once for each test process and engine."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant

PASSWORD = "correct horse battery staple"

Connected = Callable[[str], Awaitable[AdjutantClient]]


@pytest.fixture(scope="session")
async def sandbox_and_adjutant() -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    """With a model, and two gateways, so that whatever is promised of replicas is seen here."""
    # Not below pytest's own directory: another session closes that one to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="adjutant-system-", ignore_cleanup_errors=True) as directory:
        async for running in _running(Path(directory)):
            yield running


async def _running(scene: Path) -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with Sandbox(scene / "sandbox", public_url=url) as sandbox:
        settings = sandbox.settings() | {
            "ADJUTANT_PORT": str(port),
            "ADJUTANT_PUBLIC_URL": url,
            "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "1000",
            "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000",
        }
        async with running_adjutant(scene / "data", settings, ("--replicas", "gateway=2")) as adjutant:
            yield sandbox, adjutant


@pytest.fixture
def sandbox(sandbox_and_adjutant: tuple[Sandbox, RunningAdjutant]) -> Sandbox:
    return sandbox_and_adjutant[0]


@pytest.fixture
def adjutant(sandbox_and_adjutant: tuple[Sandbox, RunningAdjutant]) -> RunningAdjutant:
    return sandbox_and_adjutant[1]


@pytest.fixture
async def sign_up(adjutant: RunningAdjutant) -> AsyncIterator[Connected]:
    """A new user of that name, logged in."""
    async with AsyncExitStack() as stack:

        async def new(email: str) -> AdjutantClient:
            client = await stack.enter_async_context(AdjutantClient(adjutant.url))
            await client.sign_up(email, PASSWORD)
            return client

        yield new


@pytest.fixture
async def connected(sign_up: Connected) -> Connected:
    """A new user who has connected the emulated mailbox and calendar."""

    async def new(email: str) -> AdjutantClient:
        client = await sign_up(email)
        for provider in ("gmail", "calendar"):
            answer = await client.connect(provider, log_in)
            assert answer.status_code < 400, answer.text
        return client

    return new


def data_of(path: Path) -> str:
    """Everything readable below a directory, as text: for looking for what must not be there."""
    return "".join(file.read_text(errors="replace") for file in sorted(path.rglob("*")) if file.is_file())
