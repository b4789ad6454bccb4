"""Two emulated Googles behind one front, one tool replica, and users who are connected."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from libs.bus import Bus
from libs.vault import MasterKeys, TransitSeal
from services.tool.deps import ToolDeps
from tests.conftest import Platform, new_scope
from tests.service.tool.emulator import emulated_google
from tests.service.tool.mailbox import seed
from tests.service.tool.network.two_users import Couple, TwoAccounts, TwoFronts, User
from tests.service.tool.world import running_tool


@pytest.fixture(scope="module")
async def two_fronts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoFronts]:
    now = datetime.now(UTC)
    async with (
        emulated_google(tmp_path_factory.mktemp("first"), seed(now)) as first,
        emulated_google(tmp_path_factory.mktemp("second"), seed(now)) as second,
        TwoFronts(first, second) as both,
    ):
        yield both


@pytest.fixture(scope="module")
async def accounts(platform: Platform) -> AsyncIterator[TwoAccounts]:
    peer = await TwoAccounts.start(platform.nats, TransitSeal(MasterKeys.from_text(platform.master_keys)))
    assert isinstance(peer, TwoAccounts)
    yield peer
    await peer.client.close()


@pytest.fixture(scope="module")
async def tool(platform: Platform, two_fronts: TwoFronts) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, two_fronts.url) as deps:
        yield deps


@pytest.fixture
def user(gateway: Bus, accounts: TwoAccounts, two_fronts: TwoFronts) -> Callable[[str], User]:
    """A new user; those whose name is not ada are of the second Google."""
    two_fronts.reset()
    accounts.reset()

    def new(name: str) -> User:
        scope = new_scope()
        if name != "ada":
            accounts.second.add(scope.user_id)
        google = list(two_fronts.upstreams.values())[name != "ada"]
        return User(gateway, accounts.seal, scope, name, google)

    return new


@pytest.fixture
async def couple(user: Callable[[str], User], tool: ToolDeps) -> Couple:
    """Ada and Grace, who are connected."""
    ada, grace = user("ada"), user("grace")
    invited = await ada.invite(grace)
    await grace.answer(invited.connection_id)
    return ada, grace, invited.connection_id
