"""The official OpenAI client with a key of this platform: it works unchanged, and every call is in the ledger."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import openai
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.models import GREETING, STORY, UNREAD
from libs.sandbox.sandbox import MODEL
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PATIENCE_S = 15.0


@pytest.fixture
async def user(sign_up: Connected, request: pytest.FixtureRequest) -> AdjutantClient:
    return await sign_up(f"{request.node.name[:40].strip('_[]')}@example.com")


@pytest.fixture
async def client(user: AdjutantClient, adjutant: RunningAdjutant) -> AsyncIterator[openai.AsyncOpenAI]:
    key = (await user.post("/api/keys", {"name": "program", "scopes": ["chat"]})).json()["key"]
    http = httpx.AsyncClient()
    async with openai.AsyncOpenAI(base_url=f"{adjutant.url}/v1", api_key=key, max_retries=0, http_client=http) as made:
        yield made


async def usage(user: AdjutantClient, requests: int) -> list[dict[str, Any]]:
    """The rows of today, once they add up to so many requests."""
    today = datetime.now(UTC).date().isoformat()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows: list[dict[str, Any]] = (await user.get("/api/usage", start=today, end=today))["rows"]
            if sum(row["requests"] for row in rows) >= requests:
                return rows
            await asyncio.sleep(0.05)


async def test_an_answer_whole_and_streamed_is_the_same_and_paid_for_once_each(
    user: AdjutantClient, client: openai.AsyncOpenAI
) -> None:
    whole = await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
    stream = await client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    assert whole.choices[0].message.content == GREETING
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == GREETING
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens > 0
    (row,) = await usage(user, 2)
    assert (row["feature"], row["requests"], row["failures"]) == ("completions", 2, 0)
    assert row["input_tokens"] == 2 * whole.usage.prompt_tokens
    assert row["output_tokens"] == 2 * whole.usage.completion_tokens
    assert row["cost_micros"] > 0


async def test_tools_are_offered_and_their_results_are_taken(client: openai.AsyncOpenAI) -> None:
    tool: Any = {
        "type": "function",
        "function": {
            "name": "mail_search",
            "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
        },
    }
    asked: list[Any] = [{"role": "user", "content": UNREAD}]
    first = await client.chat.completions.create(model="auto", messages=asked, tools=[tool])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    call: Any = message.tool_calls[0]
    assert call.function.name == "mail_search"

    result = {"role": "tool", "tool_call_id": call.id, "content": "[]"}
    messages = [*asked, message.model_dump(exclude_none=True), result]
    second = await client.chat.completions.create(model="auto", messages=messages, tools=[tool])
    assert second.choices[0].message.content


async def test_the_models_are_listed_and_one_that_is_not_there_is_not_found(client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]
    assert names[0] == "auto"
    assert MODEL in names

    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.models.retrieve("gpt-99")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="gpt-99", messages=[{"role": "user", "content": "hi"}])
    assert missing.value.code == "model_not_found"


async def test_the_assistant_itself_is_a_model_with_its_own_tools(
    connected: Connected, adjutant: RunningAdjutant
) -> None:
    user = await connected("programs@example.com")
    key = (await user.post("/api/keys", {"name": "program", "scopes": ["chat"]})).json()["key"]
    async with openai.AsyncOpenAI(base_url=f"{adjutant.url}/v1", api_key=key, max_retries=0) as client:
        asked: Any = [{"role": "user", "content": UNREAD}]
        whole = await client.chat.completions.create(model="adjutant", messages=asked)
        answer = whole.choices[0].message.content
        assert answer
        assert "unread" in answer
        assert whole.usage is not None
        assert whole.usage.completion_tokens > 0

        again: Any = [*asked, {"role": "assistant", "content": answer}, {"role": "user", "content": "hi"}]
        options: Any = {"include_usage": True}
        stream = await client.chat.completions.create(
            model="adjutant", messages=again, stream=True, stream_options=options
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == GREETING
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-1].usage is not None

        (conversation,) = (await user.get("/api/conversations"))["conversations"]
        assert conversation["message_count"] == 4, "both turns are of one conversation"
        tool: Any = {"type": "function", "function": {"name": "x", "parameters": {}}}
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="adjutant", messages=asked, tools=[tool])
        assert "tools of its own" in str(refused.value)


async def test_errors_come_as_the_client_expects_them(adjutant: RunningAdjutant, client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="auto", messages=[])
    with pytest.raises(openai.APIStatusError) as large:
        await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "x" * 2_000_000}])
    assert (large.value.status_code, large.value.code) == (413, "body_too_large")
    with pytest.raises(openai.APIStatusError) as method:
        await client.get("/chat/completions", cast_to=object)
    assert (method.value.status_code, method.value.code) == (405, "method_not_allowed")
    stranger = openai.AsyncOpenAI(base_url=f"{adjutant.url}/v1", api_key="sk-nobody", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        await stranger.models.list()
    assert refused.value.code == "invalid_api_key"
    await stranger.close()


async def test_a_client_that_leaves_stops_the_model_and_what_it_had_is_in_the_ledger(
    user: AdjutantClient, client: openai.AsyncOpenAI
) -> None:
    stream = await client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": STORY}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    await stream.close()

    (row,) = await usage(user, 1)
    assert row["output_tokens"] < 1000, "the whole story has more"
    assert row["cost_micros"] > 0


async def test_a_client_that_leaves_while_it_waits_for_a_whole_answer_stops_the_model_too(
    user: AdjutantClient, client: openai.AsyncOpenAI, sandbox: Sandbox
) -> None:
    story: Any = {"model": "auto", "messages": [{"role": "user", "content": STORY}]}
    asked = len(await sandbox.model_journal())
    waiting = asyncio.create_task(client.chat.completions.create(**story))
    async with asyncio.timeout(PATIENCE_S):
        while len(await sandbox.model_journal()) == asked:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    (row,) = await usage(user, 1)
    assert row["output_tokens"] < 1000, "the whole story has more"


async def test_a_budget_that_is_used_up_stops_requests_and_is_told_once(
    user: AdjutantClient, client: openai.AsyncOpenAI
) -> None:
    view = (await user.put("/api/budgets", {"belongs_to": "user", "monthly_micros": 0})).json()
    assert view["monthly_micros"] == 0

    for _ in range(3):
        with pytest.raises(openai.RateLimitError) as stopped:
            await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
    assert stopped.value.code == "insufficient_quota"

    async with asyncio.timeout(PATIENCE_S):
        while not (told := [each for each in await inbox(user) if each["kind"] == "budget"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [each["title"] for each in told] == ["100 % of your budget for language models is used"]
    answer = await user.chat("What can you do?")
    assert answer.updates[-1]["engine"] == "offline", "the assistant goes on without a model, and says why"
    assert "budget" in answer.text

    await user.put("/api/budgets", {"belongs_to": "user", "monthly_micros": None})
    again = await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
    assert again.choices[0].message.content == GREETING


async def inbox(user: AdjutantClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await user.get("/api/notifications"))["notifications"]
    return found


async def test_no_model_sees_a_card_number(sandbox: Sandbox, client: openai.AsyncOpenAI) -> None:
    card = "4111 1111 1111 1111"
    await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": f"My number is {card}"}])

    asked = [
        json.dumps(entry["body"]) for entry in await sandbox.model_journal() if "My number is" in json.dumps(entry)
    ]
    assert len(asked) == 1
    assert "[CARD_" in asked[0]
    assert card not in asked[0]


async def test_a_text_for_a_prompt_and_the_kind_of_a_message(user: AdjutantClient) -> None:
    made = (await user.post("/api/ai/generate", {"prompt": "hi", "instructions": "Be brief."})).json()
    assert (made["text"], made["reason"]) == (GREETING, "stop")

    sorted_ = await user.post("/api/ai/classify", {"message": "hi", "labels": ["calendar", "weather"]})
    events = [line for line in sorted_.text.splitlines() if line.startswith("event: ")]
    assert events[0] == "event: token"
    assert events[-1] == "event: classification"
    assert '"label":"calendar"' in sorted_.text, "the emulated model's greeting names the calendar, and no weather"
    rows = await usage(user, 2)
    assert {row["feature"] for row in rows} == {"generate", "classify"}
