"""Which tools a user has follows from oauth's events; a user not met before is looked up at oauth."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.tool import ListTools
from services.tool.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours
from tests.service.tool.oauth_peer import OAuthPeer


@pytest.fixture(scope="module")
async def tool(platform: Platform) -> AsyncIterator[Neighbours]:
    async with between_neighbours(service, platform) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_connected(oauth: OAuthPeer) -> None:
    """What oauth answers; afterwards only events tell."""
    oauth.reset()
    oauth.connected = set()


def connected(provider: str) -> ConnectionEstablished:
    return ConnectionEstablished(connection_id=ConnectionId(new_id("cn")), provider=provider, scopes=())


async def missing(tool: Neighbours, scope: Scope) -> tuple[str, ...]:
    return (await tool.askers["chat"].ask(ListTools(), scope=scope)).missing_providers


async def test_a_user_not_met_before_is_looked_up_although_no_event_has_come(
    tool: Neighbours, oauth: OAuthPeer, scope: Scope
) -> None:
    oauth.connected = {"gmail"}
    assert await missing(tool, scope) == ("calendar",)


async def test_what_the_look_up_found_is_kept(tool: Neighbours, oauth: OAuthPeer, scope: Scope) -> None:
    oauth.connected = {"gmail"}
    await missing(tool, scope)
    oauth.connected = set()
    assert await missing(tool, scope) == ("calendar",)


async def test_a_connection_brings_its_tools_and_its_removal_takes_them(tool: Neighbours, scope: Scope) -> None:
    assert await missing(tool, scope) == ("calendar", "gmail")
    gmail = connected("gmail")
    await tool.handle(gmail, scope)
    assert await missing(tool, scope) == ("calendar",)
    await tool.handle(ConnectionRemoved(connection_id=gmail.connection_id, provider="gmail"), scope)
    assert await missing(tool, scope) == ("calendar", "gmail")


async def test_a_refused_connection_loses_its_tools_unless_it_was_made_after_the_refusal(
    tool: Neighbours, scope: Scope
) -> None:
    await missing(tool, scope)
    gmail = connected("gmail")
    await tool.handle(gmail, scope)
    now = datetime.now(UTC)
    for refused_at, lost in ((now - timedelta(hours=1), False), (now, True)):
        refusal = ReauthorizationRequired(connection_id=gmail.connection_id, provider="gmail", refused_at=refused_at)
        await tool.handle(refusal, scope)
        assert ("gmail" in await missing(tool, scope)) is lost


async def test_one_users_connections_are_nothing_to_another(tool: Neighbours, scope: Scope, stranger: Scope) -> None:
    for somebody in (scope, stranger):
        await missing(tool, somebody)
    await tool.handle(connected("gmail"), scope)
    assert await missing(tool, stranger) == ("calendar", "gmail")
