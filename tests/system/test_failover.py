"""A model provider fails, in each of the ways providers fail; whoever asked reads one whole answer.

The failing primary is a server of ours that does exactly one thing; the second is the emulated provider. Two replicas
of chat: what one finds out, the other knows.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.models import GREETING
from libs.sandbox.sandbox import MODEL_KEY
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant
from tests.service.models.scripted_server import END, HEAD, event, refusal, scripted
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.early, pytest.mark.timeout(180)]

OPEN_AFTER = 5
"""Failures in a row that open a breaker (SPEC H4)."""
WORDS = GREETING.split(" ")
BEGUN = (HEAD, *(event({"content": f"{word} "}) for word in WORDS[:3]))
FAILURES: dict[str, tuple[Any, ...]] = {
    "refuses": refusal(500, "oops"),
    "hangs": (HEAD, 60.0),
    "is cut": (*BEGUN, 0.1),
    "stalls": (*BEGUN, 60.0),
    "fails inside": (*BEGUN, 0.1, event(error={"message": "boom", "type": "server_error"}), END),
}


@pytest.fixture(scope="module")
async def second(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a provider that is well."""
    async with Sandbox(tmp_path_factory.mktemp("sandbox"), public_url="http://127.0.0.1:1") as sandbox:
        yield f"{sandbox.model_url}/v1"


@asynccontextmanager
async def user(primary: str, second: str, place: Path) -> AsyncIterator[tuple[AdjutantClient, str]]:
    """Somebody with a key at an Adjutant of these two."""
    deployments = [
        {"name": "primary", "model": "gpt-5-mini", "base_url": primary, "api_key": MODEL_KEY},
        {"name": "second", "model": "gpt-5-mini", "base_url": second, "api_key": MODEL_KEY, "order": 1},
    ]
    settings = {"ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(deployments)}
    async with (
        running_adjutant(place, settings, ("--replicas", "chat=2")) as adjutant,
        AdjutantClient(adjutant.url) as client,
    ):
        await client.sign_up("ada@example.com", PASSWORD)
        key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
        yield client, key


async def ask(client: AdjutantClient, key: str, model: str = "auto") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = await client.http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


async def states(client: AdjutantClient) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in (await client.get("/api/models/health"))["models"]}


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_primary_that_fails_is_made_up_for_and_not_waited_for_again(
    failure: str, second: str, data_dir: Path
) -> None:
    async with (
        scripted(*[FAILURES[failure]] * 50, hangs_up=failure == "is cut") as primary,
        user(primary.url, second, data_dir) as (client, key),
    ):
        answers = [await ask(client, key) for _ in range(8)]
        found = await states(client)
        health = await client.get("/api/health")

    assert [each["name"] for each in health["breakers"]] == ["model 1", "model 2"]
    assert answers == [GREETING] * 8
    # Two replicas ask it at most once each: whoever hears of the failure first does not try it.
    assert 1 <= len(primary.requests) <= 2
    assert found["primary"]["state"] in ("suspect", "half_open")
    assert found["primary"]["failures_in_a_row"] >= 1


async def test_a_primary_that_is_not_there_is_made_up_for_and_an_operator_can_vouch_for_it(
    second: str, data_dir: Path
) -> None:
    async with user(f"http://127.0.0.1:{free_port()}/v1", second, data_dir) as (client, key):
        assert [await ask(client, key) for _ in range(3)] == [GREETING] * 3
        assert (await states(client))["primary"]["state"] == "suspect"
        vouched = await client.post("/api/models/primary/reset")
        unknown = await client.post("/api/models/nobody/reset")

    assert vouched.status_code == 200
    assert {each["name"]: each["state"] for each in vouched.json()["models"]}["primary"] == "closed"
    assert unknown.status_code == 404


async def test_a_turn_of_the_assistant_is_made_up_for_like_any_request(second: str, data_dir: Path) -> None:
    async with (
        scripted(*[FAILURES["stalls"]] * 10) as primary,
        user(primary.url, second, data_dir) as (client, _),
    ):
        answer = await client.chat("hi")

    assert (answer.outcome, answer.text) == ("turn.completed", GREETING)


async def test_every_provider_answers_by_its_own_protocol_and_one_stands_in_for_another(
    second: str, data_dir: Path
) -> None:
    root = second.removesuffix("/v1")
    described = [
        {"name": "chat", "provider": "openai", "model": "gpt-5-mini", "base_url": second},
        {"name": "responses", "provider": "openai_responses", "model": "gpt-5-mini", "base_url": second},
        {"name": "claude", "provider": "anthropic", "model": "claude-haiku-4-5", "base_url": root},
        {"name": "gemini", "provider": "gemini", "model": "gemini-2.5-flash", "base_url": root},
        {"name": "gone", "model": "gone", "base_url": f"http://127.0.0.1:{free_port()}/v1", "order": -1},
    ]
    settings = {"ADJUTANT_CHAT_DEPLOYMENTS": json.dumps([{**each, "api_key": MODEL_KEY} for each in described])}
    async with running_adjutant(data_dir, settings) as adjutant, AdjutantClient(adjutant.url) as client:
        await client.sign_up("ada@example.com", PASSWORD)
        key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
        answers = {name: await ask(client, key, name) for name in ("chat", "responses", "claude", "gemini", "auto")}

    assert answers == dict.fromkeys(answers, GREETING)


async def test_vectors_come_from_whoever_can_make_them(second: str, data_dir: Path) -> None:
    described = [
        {"name": "gone", "model": "gone", "base_url": f"http://127.0.0.1:{free_port()}/v1"},
        {"name": "vectors", "model": "text-embedding-3-small", "base_url": second},
    ]
    given = [{**each, "kind": "embeddings", "api_key": MODEL_KEY} for each in described]
    async with (
        running_adjutant(data_dir, {"ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(given)}) as adjutant,
        AdjutantClient(adjutant.url) as client,
    ):
        await client.sign_up("ada@example.com", PASSWORD)
        key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
        async with openai.AsyncOpenAI(base_url=f"{adjutant.url}/v1", api_key=key, max_retries=0) as official:
            made = await official.embeddings.create(model="auto", input=["one", "two"])
            with pytest.raises(openai.NotFoundError):
                await official.embeddings.create(model="unheard-of", input="one")

    assert [each.index for each in made.data] == [0, 1]
    assert all(len(each.embedding) > 100 for each in made.data)


async def test_operators_are_told_once_that_a_provider_is_down_and_once_that_it_is_back(
    second: str, data_dir: Path
) -> None:
    deployments = [
        {"name": "primary", "model": "gpt-5-mini", "base_url": f"http://127.0.0.1:{free_port()}/v1", "api_key": "k"},
        {"name": "second", "model": "gpt-5-mini", "base_url": second, "api_key": MODEL_KEY},
    ]
    settings = {"ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(deployments)}
    async with (
        running_adjutant(data_dir, settings, ("--replicas", "chat=2")) as adjutant,
        AdjutantClient(adjutant.url) as client,
    ):
        await client.sign_up("ada@example.com", PASSWORD)
        key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
        for _ in range(OPEN_AFTER):
            refused = await client.http.post(
                "/v1/chat/completions",
                json={"model": "primary", "messages": [{"role": "user", "content": "hi"}]},
                headers={"authorization": f"Bearer {key}"},
            )
            assert refused.status_code == 503
        await until_logged(adjutant, "model_down")
        await client.post("/api/models/primary/reset")
        await until_logged(adjutant, "model_recovered")
        told = [line for line in adjutant.log.read_text().splitlines() if "operator_alert" in line]

    assert [("model_down" in line, "model_recovered" in line) for line in told] == [(True, False), (False, True)]
    assert all("primary" in line for line in told)


async def until_logged(adjutant: RunningAdjutant, what: str) -> None:
    async with asyncio.timeout(15):
        while what not in adjutant.log.read_text():  # noqa: ASYNC110 - the other side is a process
            await asyncio.sleep(0.05)


async def test_what_fails_before_its_first_word_fails_with_a_status_streamed_or_not(data_dir: Path) -> None:
    """So that the official client raises what its users expect, and tries again where that helps."""
    refusals = {"wrong": refusal(400, "invalid_prompt"), "away": refusal(500, "oops"), "long": (*BEGUN, 0.1)}
    async with AsyncExitStack() as stack:
        described = []
        for name, script in refusals.items():
            server = await stack.enter_async_context(scripted(script, hangs_up=name == "long"))
            described.append({"name": name, "model": name, "base_url": server.url, "api_key": MODEL_KEY})
        adjutant = await stack.enter_async_context(
            running_adjutant(data_dir, {"ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(described)})
        )
        client = await stack.enter_async_context(AdjutantClient(adjutant.url))
        await client.sign_up("ada@example.com", PASSWORD)
        key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
        official = openai.AsyncOpenAI(base_url=f"{adjutant.url}/v1", api_key=key, max_retries=0)
        await stack.enter_async_context(official)
        asked: Any = {"messages": [{"role": "user", "content": "hi"}]}
        for is_streamed in (False, True):
            with pytest.raises(openai.BadRequestError) as wrong:
                await official.chat.completions.create(model="wrong", stream=is_streamed, **asked)
            assert wrong.value.code == "model_refused"
            with pytest.raises(openai.InternalServerError) as away:
                await official.chat.completions.create(model="away", stream=is_streamed, **asked)
            assert away.value.status_code == 503
        begun = await official.chat.completions.create(model="long", stream=True, **asked)
        said: list[str] = []
        with pytest.raises(openai.APIError) as broken:
            said += [chunk.choices[0].delta.content or "" async for chunk in begun]
        assert broken.value.code == "model_stream_broken"
