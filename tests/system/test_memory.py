"""Memory through the front door: written, searched, mended and forgotten by its user, and nobody else's."""

from typing import Any

import httpx
import pytest

from contracts.ids import new_id
from libs.testing.client import AdjutantClient
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

MEMORY = "/api/ai/memory"


async def request(user: AdjutantClient, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"X-CSRF-Token": user.http.cookies.get("adjutant_csrf") or "", **more.pop("headers", {})}
    return await user.http.request(method, path, headers=headers, **more)


async def texts(user: AdjutantClient, **params: str) -> list[str]:
    return [entry["text"] for entry in (await user.get(MEMORY, **params))["memories"]]


async def test_what_a_user_writes_is_found_mended_and_forgotten_by_them_alone(sign_up: Connected) -> None:
    ada, bob = await sign_up(f"ada-{new_id('u')}@example.com"), await sign_up(f"bob-{new_id('u')}@example.com")

    made = await ada.post(MEMORY, {"text": "Lives at 12 Elm Street", "key": "Home Address"})
    assert made.status_code == 201, made.text
    entry: dict[str, Any] = made.json()
    assert (entry["key"], entry["from_others"], entry["kind"]) == ("home_address", False, "fact")
    assert [source["kind"] for source in entry["sources"]] == ["user"]
    await ada.post(MEMORY, {"text": "Is allergic to peanuts", "kind": "preference", "importance": 1})

    assert await texts(ada, keys="home_address,other") == ["Lives at 12 Elm Street"]
    assert await texts(ada) == ["Is allergic to peanuts", "Lives at 12 Elm Street"]
    found = (await ada.post(f"{MEMORY}/search", {"text": "Which restaurant serves no peanuts?"})).json()["memories"]
    assert [(one["memory"]["text"], len(one["parts"])) for one in found] == [("Is allergic to peanuts", 4)]

    place = f"{MEMORY}/{entry['memory_id']}"
    assert (await texts(bob), (await request(bob, "DELETE", place)).status_code) == ([], 404)
    assert (await request(bob, "PATCH", place, json={"text": "Mine"})).json()["title"] == "memory_not_found"
    changed = await request(ada, "PATCH", place, json={"text": "Lives at 3 Oak Street"})
    assert (changed.json()["text"], changed.json()["created_at"]) == ("Lives at 3 Oak Street", entry["created_at"])

    assert (await request(ada, "DELETE", place)).status_code == 204
    assert (await request(ada, "DELETE", MEMORY, params={"all": "true"})).json() == {"count": 1}
    assert await texts(ada) == []
    trail = (await ada.get("/api/audit"))["entries"]
    assert [line["target"] for line in trail if line["action"] == "memory.forgotten"] == ["everything", place[-35:]]


async def test_a_repeated_request_is_one_entry(sign_up: Connected) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")

    async def post(text: str) -> httpx.Response:
        return await request(ada, "POST", MEMORY, json={"text": text}, headers={"Idempotency-Key": "once"})

    first, again, other = await post("Likes tea"), await post("Likes tea"), await post("Likes coffee")

    assert (first.json(), again.status_code) == (again.json(), 201)
    assert (other.status_code, other.json()["title"]) == (409, "idempotency_key_reused")
    assert await texts(ada) == ["Likes tea"]


@pytest.mark.parametrize(
    ("method", "params", "body"),
    [
        ("DELETE", {}, None),
        ("DELETE", {"keys": " , "}, None),
        ("DELETE", {"keys": "a", "all": "true"}, None),
        ("DELETE", {"ids": "me_1"}, None),
        ("GET", {"limit": "0"}, None),
        ("GET", {"cursor": "eA"}, None),
        ("POST", {}, {}),
        ("POST", {}, {"text": " "}),
        ("POST", {}, {"text": "t" * 1001}),
        ("POST", {}, {"text": "t", "kind": "secret"}),
        ("POST", {}, {"text": "t", "importance": 2}),
        ("POST", {}, {"text": "t", "key": "two\nlines"}),
        ("POST", {}, {"text": "t", "from_others": False}),
        ("POST", {}, {"text": "t", "sources": [{"kind": "user"}]}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    sign_up: Connected, method: str, params: dict[str, str], body: dict[str, Any] | None
) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")

    refused = await request(ada, method, MEMORY, params=params, json=body)

    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json()["advice"]


async def test_memory_may_be_asked_for_twenty_times_in_a_minute(sign_up: Connected) -> None:
    ada, bob = await sign_up(f"ada-{new_id('u')}@example.com"), await sign_up(f"bob-{new_id('u')}@example.com")

    answers = [await request(ada, "GET", MEMORY) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[0].headers["x-ratelimit-remaining"] == "19"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await request(bob, "GET", MEMORY)).status_code == 200
