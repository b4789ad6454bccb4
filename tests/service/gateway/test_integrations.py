"""Connecting a provider is tied to whoever began it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from contracts.oauth import (
    AuthorizationStarted,
    Connections,
    ConnectionView,
    FinishConnection,
    ListConnections,
    StartConnection,
)
from libs.bus import Bus, Call, answer
from libs.db import Database
from libs.resilience.errors import Conflict
from tests.conftest import Platform
from tests.service.gateway.conftest import Joins, Person


class StateRejected(Conflict):
    """As oauth says it."""

    slug = "state_rejected"


@dataclass(slots=True)
class OAuthPeer:
    """An oauth service of a few lines: a flow belongs to one user and one binding, and is used once."""

    flows: dict[str, tuple[str, str]] = field(default_factory=dict)


async def start(query: StartConnection, call: Call, peer: OAuthPeer) -> AuthorizationStarted:
    state = f"state{len(peer.flows)}"
    peer.flows[state] = (call.require_scope().user_id, query.browser_binding)
    return AuthorizationStarted(auth_url=f"https://provider.example/authorize?state={state}")


async def finish(query: FinishConnection, call: Call, peer: OAuthPeer) -> ConnectionView:
    if peer.flows.pop(query.state, None) != (call.require_scope().user_id, query.browser_binding):
        raise StateRejected("This authorization was not begun here, or was used before.")
    found = ConnectionView.model_validate_json(
        '{"connection_id": "cn_0193b0f1a8c07d3e9f00112233445566", "provider": "gmail", "account": "sam@example.org",'
        ' "status": "active", "scopes": [], "connected_at": "2026-11-24T09:00:00Z"}'
    )
    return found.model_copy(update={"provider": query.provider})


async def connections(query: ListConnections, call: Call, peer: OAuthPeer) -> Connections:
    return Connections(connections=())


@pytest.fixture(scope="module")
async def oauth(platform: Platform) -> AsyncIterator[OAuthPeer]:
    """Oauth's place on the bus; it only answers, so chat's database does for it."""
    peer = OAuthPeer()
    bus = Bus("oauth", platform.nats.url, user=platform.nats.user("oauth"), password=platform.nats.password("oauth"))
    await bus.connect()
    db = await Database.connect(platform.database.url("chat"), "chat", wait_s=10)
    await bus.start(
        (answer(StartConnection, start), answer(FinishConnection, finish), answer(ListConnections, connections)),
        peer,
        db,
    )
    yield peer
    await bus.stop(1)
    await bus.close()
    await db.close()


def callback(auth_url: str) -> str:
    return f"/api/integrations/gmail/callback?code=4%2F0A&state={auth_url.partition('state=')[2]}"


async def test_a_browser_comes_back_to_the_page_it_left(person: Person, chat_peer: object, oauth: OAuthPeer) -> None:
    body = {"type": "gmail", "return_to": "/integrations?tab=mail"}
    started = await person.browser.post("/api/integrations/connect", json=body, headers=person.csrf)
    back = await person.browser.get(callback(started.json()["authUrl"]), headers={"Accept": "text/html"})
    assert (back.status_code, back.headers["location"]) == (303, "/integrations?tab=mail")
    actions = [line["action"] for line in (await person.browser.get("/api/audit")).json()["entries"]]
    assert actions[:2] == ["integration.connected", "integration.connection_started"]


async def test_a_program_finishes_what_it_began_with_its_key(
    person: Person, chat_peer: object, oauth: OAuthPeer
) -> None:
    started = await person.browser.post("/api/integrations/connect", json={"type": "gmail"}, headers=person.bearer)
    link = callback(started.json()["authUrl"])
    done = await person.browser.get(link, headers=person.bearer)
    assert (done.status_code, done.json()["provider"]) == (200, "gmail")
    again = await person.browser.get(link, headers=person.bearer)
    assert (again.status_code, again.json()["title"]) == (409, "state_rejected")


async def test_a_link_that_somebody_else_began_is_worth_nothing(
    join: Joins, chat_peer: object, oauth: OAuthPeer
) -> None:
    attacker, victim = await join(), await join()
    for headers in (attacker.csrf, attacker.bearer):
        started = await attacker.browser.post("/api/integrations/connect", json={"type": "gmail"}, headers=headers)
        link = callback(started.json()["authUrl"])
        assert (await victim.browser.get(link)).json()["title"] == "state_rejected"


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil", "javascript:x", "/a\r\nSet-Cookie: x"]
)
async def test_a_return_path_cannot_leave_the_site(
    path: str, person: Person, chat_peer: object, oauth: OAuthPeer
) -> None:
    body = {"type": "gmail", "return_to": path}
    refused = await person.browser.post("/api/integrations/connect", json=body, headers=person.csrf)
    assert refused.status_code == 422


async def test_a_provider_that_is_not_connected_says_so(person: Person, chat_peer: object, oauth: OAuthPeer) -> None:
    status = (await person.browser.get("/api/integrations/gmail/status")).json()
    assert status["status"] == "not_connected"
    assert "gmail" in (await person.browser.get("/api/integrations/connect")).json()["types"]
