"""Two users agree on a time, and it stands in both calendars or in neither.

Both Googles are emulators that we did not write; what they refuse is told to the front before them.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from libs.bus import Bus
from libs.vault import MasterKeys, TransitSeal
from services.tool.deps import ToolDeps
from tests.conftest import Platform, new_scope
from tests.service.neighbours import eventually
from tests.service.tool.emulator import emulated_google
from tests.service.tool.mailbox import seed
from tests.service.tool.two_users import TwoAccounts, TwoFronts, User, topic
from tests.service.tool.visitors import at
from tests.service.tool.world import running_tool, unique

pytestmark = pytest.mark.timeout(120)
Couple = tuple[User, User, str]


@pytest.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoFronts]:
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
async def tool(platform: Platform, front: TwoFronts) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url) as deps:
        yield deps


@pytest.fixture
def user(gateway: Bus, accounts: TwoAccounts, front: TwoFronts) -> Callable[[str], User]:
    """A new user; those whose name is not ada are of the second Google."""
    front.reset()
    accounts.reset()

    def new(name: str) -> User:
        scope = new_scope()
        if name != "ada":
            accounts.second.add(scope.user_id)
        google = list(front.upstreams.values())[name != "ada"]
        return User(gateway, accounts.seal, scope, name, google)

    return new


@pytest.fixture
async def couple(user: Callable[[str], User], tool: ToolDeps) -> Couple:
    """Ada and Grace, who are connected."""
    ada, grace = user("ada"), user("grace")
    invited = await ada.invite(grace)
    await grace.answer(invited.connection_id)
    return ada, grace, invited.connection_id


async def test_one_proposes_the_other_accepts_and_it_stands_in_both_calendars(couple: Couple) -> None:
    ada, grace, connection_id = couple
    title = unique("Lunch")
    started = await ada.start(connection_id, topic(title, at(2, 0)))
    seen = await grace.session(started.session_id)
    assert (seen.title, seen.other_name, seen.my_turn, seen.slots) == (title, "Ada", True, started.slots)

    agreed = await grace.accept(started.session_id, seen.slots[0])
    assert agreed.status == "agreed"
    await settled(ada, started.session_id, "confirmed")

    for one, other in ((ada, "Grace"), (grace, "Ada")):
        (event,) = await one.events(title)
        assert event["summary"] == f"{title} ({other})"
        assert datetime.fromisoformat(event["start"]["dateTime"]) == seen.slots[0]
        assert (await one.session(started.session_id)).status == "confirmed"


async def settled(user: User, session_id: str, status: str, timeout_s: float = 20) -> None:
    """Wait for the end of the saga."""

    async def is_settled() -> bool:
        return (await user.session(session_id)).status == status

    await eventually(is_settled, timeout_s=timeout_s)
