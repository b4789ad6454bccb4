"""The adapter against an OpenAI that somebody else wrote: streams, tool calls, figures, and its chaos."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.models.errors import ModelError, ModelRateLimited, ModelUnavailable
from libs.models.messages import AssistantText, ToolCall, ToolCalls, ToolResult, UserText
from tests.service.models.aimock import aimock, journal
from tests.service.models.asking import ask, deployment, end_of, text_of

STORY = "Once upon a time there was an engine that answered every letter on the day it came. " * 3
USAGE = {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}
CALL: dict[str, Any] = {"name": "calendar_list", "arguments": '{"day": "tomorrow"}'}
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "a story"}, "response": {"content": STORY, "usage": USAGE}},
    {"match": {"userMessage": "calendar", "hasToolResult": False}, "response": {"toolCalls": [CALL, CALL]}},
    {"match": {"userMessage": "calendar", "hasToolResult": True}, "response": {"content": "Nothing tomorrow."}},
    {"match": {"userMessage": "limited"}, "response": {"error": {"message": "slow down", "type": "x"}, "status": 429}},
    {"match": {"endpoint": "chat"}, "response": {"content": "Hello."}},
]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Without faults; small chunks with time between them, so that many tokens come."""
    async with aimock(tmp_path_factory.mktemp("aimock"), FIXTURES, "--chunk-size", "5", "--latency", "5") as url:
        yield url


async def test_a_story_arrives_whole_in_pieces_with_the_providers_figures(server: str) -> None:
    async with deployment(f"{server}/v1") as model:
        events = await ask(model, "tell me a story")
    assert text_of(events) == STORY
    assert len(events) > 3, "as it is written, not all at once"
    end = end_of(events)
    assert (end.input_tokens, end.output_tokens, end.reason) == (321, 45, "stop")


async def test_tool_calls_come_complete_and_their_results_are_understood_by_the_server(server: str) -> None:
    async with deployment(f"{server}/v1") as model:
        asked = await ask(model, "what is on my calendar")
        calls = next(event for event in asked if isinstance(event, ToolCalls)).calls
        assert [(call.name, call.arguments) for call in calls] == [("calendar_list", '{"day": "tomorrow"}')] * 2
        assert len({call.id for call in calls}) == 2
        results = [ToolResult(call.id, '{"events": []}') for call in calls]
        answered = await ask(model, UserText("what is on my calendar"), AssistantText("", calls), *results)
    assert text_of(answered) == "Nothing tomorrow."


async def test_the_server_received_what_the_messages_mean(server: str) -> None:
    call = ToolCall("call_9", "calendar_list", '{"day":"today"}')
    async with deployment(f"{server}/v1") as model:
        await ask(model, UserText("hi"), AssistantText("Looking.", (call,)), ToolResult("call_9", "{}"), "thanks")
    body = (await journal(server))[-1]["body"]
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert body["model"] == "gpt-test"
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool", "user"]
    function = {"name": "calendar_list", "arguments": '{"day":"today"}'}
    assert body["messages"][2]["tool_calls"] == [{"id": "call_9", "type": "function", "function": function}]
    assert body["messages"][3]["tool_call_id"] == "call_9"
    assert body["tools"][0]["function"]["name"] == "calendar_list"


async def test_without_tools_none_are_offered(server: str) -> None:
    async with deployment(f"{server}/v1") as model:
        await ask(model, "hi", tools=())
    assert "tools" not in (await journal(server))[-1]["body"]


async def test_its_rate_limit_is_told_as_one(server: str) -> None:
    async with deployment(f"{server}/v1") as model:
        with pytest.raises(ModelRateLimited):
            await ask(model, "limited", within_s=3)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("--chaos-drop", ModelUnavailable),
        ("--chaos-malformed", ModelError),
        ("--chaos-disconnect", ModelUnavailable),
        ("--chaos-ratelimit", ModelRateLimited),
    ],
)
async def test_chaos_at_every_request_ends_as_one_of_our_errors(
    tmp_path: Path, fault: str, raised: type[ModelError]
) -> None:
    async with aimock(tmp_path, FIXTURES, fault, "1") as url, deployment(f"{url}/v1") as model:
        with pytest.raises(raised):
            await ask(model, "tell me a story", within_s=4)


async def test_chaos_at_a_third_of_the_requests_is_hardly_noticed(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES, "--chaos-drop", "0.3") as url, deployment(f"{url}/v1") as model:
        answered = 0
        for _ in range(10):
            model.deployments[0].health.reset()
            try:
                answered += text_of(await ask(model, "tell me a story", within_s=20)) == STORY
            except ModelError:
                continue
    assert answered >= 7
