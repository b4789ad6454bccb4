"""What every adapter promises, shown against an emulator that somebody else wrote (aimock): one suite for all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from libs.models import ModelClient, open_client
from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelUnavailable,
)
from libs.models.messages import (
    Alive,
    AssistantText,
    ModelEvent,
    ModelMessage,
    Options,
    SystemText,
    ToolCall,
    ToolCalls,
    ToolResult,
    UserText,
)
from libs.resilience.deadline import Deadline
from tests.service.models.aimock import aimock, journal
from tests.service.models.asking import TOOLS, end_of, text_of

STORY = "Once upon a time there was an engine that answered every letter on the day it came. " * 3
USAGE = {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}
CALL: dict[str, Any] = {"name": "calendar_list", "arguments": '{"day":"tomorrow"}'}
FAILURES: dict[str, tuple[int, str, str, type[ModelError]]] = {
    "overloaded": (529, "overloaded_error", "busy", ModelUnavailable),
    "limited": (429, "rate_limit_error", "slow down", ModelRateLimited),
    "down": (500, "api_error", "oops", ModelUnavailable),
    "wrong": (400, "invalid_request_error", "no", ModelRefused),
    "too long": (400, "invalid_request_error", "prompt is too long: the input token count", ContextTooLarge),
}


def _failing(word: str) -> dict[str, Any]:
    status, type, message, _ = FAILURES[word]
    return {"error": {"message": message, "type": type}, "status": status, "retryAfter": 7}


FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "a story"}, "response": {"content": STORY, "usage": USAGE}},
    {"match": {"userMessage": "half a story"}, "response": {"content": STORY}, "truncateAfterChunks": 12},
    {"match": {"userMessage": "half a call"}, "response": {"toolCalls": [CALL]}, "truncateAfterChunks": 1},
    {"match": {"userMessage": "cut short"}, "response": {"content": "You have", "finishReason": "length"}},
    {"match": {"userMessage": "think"}, "response": {"content": "42", "reasoning": "Let me see. " * 5}},
    {"match": {"userMessage": "calendar", "hasToolResult": False}, "response": {"toolCalls": [CALL, CALL]}},
    {"match": {"userMessage": "calendar", "hasToolResult": True}, "response": {"content": "Nothing tomorrow."}},
    *({"match": {"userMessage": word}, "response": _failing(word)} for word in FAILURES),
    {"match": {"endpoint": "chat"}, "response": {"content": "Hello."}},
]
FIXTURES.sort(key=lambda fixture: "half" not in fixture["match"].get("userMessage", ""))


class Promises:
    """A subclass names its provider."""

    provider: ClassVar[str]
    path: ClassVar[str] = ""
    """What follows the host in the base URL."""
    model: ClassVar[str]

    @asynccontextmanager
    async def client(self, url: str, key: str = "k", first_token_s: float = 2.0) -> AsyncIterator[ModelClient]:
        """The adapter."""
        made = open_client(self.provider, url + self.path, key, self.model, first_token_s=first_token_s)
        try:
            yield made
        finally:
            await made.aclose()

    async def ask(
        self, url: str, *said: ModelMessage | str, key: str = "k", options: Options | None = None
    ) -> list[ModelEvent]:
        """Everything that a fresh client hears."""
        async with self.client(url, key) as client:
            return await _answer(client, said, options or Options())

    async def test_a_story_arrives_whole_in_pieces_with_the_providers_figures(self, emulator: str) -> None:
        events = await self.ask(emulator, "tell me a story")
        assert text_of(events) == STORY
        assert len(events) > 3, "as it is written, not all at once"
        end = end_of(events)
        assert (end.reason, end.model, end.input_tokens, end.output_tokens) == ("stop", self.model, 321, 45)

    async def test_tool_calls_come_complete_and_their_results_are_understood(self, emulator: str) -> None:
        asked = await self.ask(emulator, "what is on my calendar")
        calls = next(event for event in asked if isinstance(event, ToolCalls)).calls
        assert [(call.name, call.arguments) for call in calls] == [("calendar_list", '{"day":"tomorrow"}')] * 2
        assert len({call.id for call in calls}) == 2
        assert end_of(asked).reason == "tool_calls"
        results = [ToolResult(call.id, '{"events":[]}') for call in calls]
        said = (UserText("what is on my calendar"), AssistantText("", calls), *results)
        assert text_of(await self.ask(emulator, *said)) == "Nothing tomorrow."

    async def test_the_server_received_what_the_messages_mean(self, emulator: str) -> None:
        call = ToolCall("call_9", "calendar_list", '{"day":"today"}')
        said = (UserText("hi"), AssistantText("", (call,)), ToolResult("call_9", '{"events":[]}'), "thanks")
        await self.ask(emulator, *said, options=Options(max_output_tokens=77, temperature=0.5))
        body = (await journal(emulator))[-1]["body"]
        messages = body["messages"]
        assert {message["role"] for message in messages} == {"system", "user", "assistant", "tool"}
        assert messages[0] == {"role": "system", "content": "Be brief."}
        assert [message["content"] for message in messages if message["role"] == "user"] == ["hi", "thanks"]
        asked = next(message for message in messages if message["role"] == "assistant")["tool_calls"][0]
        assert asked["function"] == {"name": "calendar_list", "arguments": '{"day":"today"}'}
        answered = next(message for message in messages if message["role"] == "tool")
        assert answered["tool_call_id"] == asked["id"]
        assert answered["content"] == '{"events":[]}'
        assert body["tools"][0]["function"]["name"] == "calendar_list"
        assert body["temperature"] == 0.5
        assert (body.get("max_tokens") or body.get("max_completion_tokens")) == 77

    async def test_an_answer_cut_by_its_limit_says_so(self, emulator: str) -> None:
        events = await self.ask(emulator, "cut short")
        assert (text_of(events), end_of(events).reason) == ("You have", "length")

    async def test_thoughts_are_a_sign_of_life_and_nobody_sees_them(self, emulator: str) -> None:
        events = await self.ask(emulator, "think")
        assert text_of(events) == "42"
        assert any(isinstance(event, Alive) for event in events)

    @pytest.mark.parametrize("word", list(FAILURES))
    async def test_failures_are_told_by_their_kind(self, emulator: str, word: str) -> None:
        _, _, message, raised = FAILURES[word]
        with pytest.raises(ModelError) as caught:
            await self.ask(emulator, word)
        assert type(caught.value) is raised
        assert message not in caught.value.detail
        if raised is ModelRateLimited:
            assert caught.value.retry_after_s == 7

    @pytest.mark.parametrize("half", ["half a story", "half a call"])
    async def test_an_answer_that_is_cut_is_never_taken_for_a_whole_one(self, emulator: str, half: str) -> None:
        events: list[ModelEvent] = []
        async with self.client(emulator) as client:
            with pytest.raises(ModelUnavailable):  # noqa: PT012 - the break comes in the middle of reading
                async for event in client.stream((UserText(half),), TOOLS, deadline=Deadline.after(10)):
                    events.append(event)
        assert STORY.startswith(text_of(events))
        assert not any(isinstance(event, ToolCalls) for event in events)

    async def test_a_wrong_key_is_told_as_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIMOCK_API_KEYS", "right")
        async with aimock(tmp_path, FIXTURES) as url:
            with pytest.raises(ModelRefusedKey):
                await self.ask(url, "hi", key="wrong")
            assert text_of(await self.ask(url, "hi", key="right")) == "Hello."

    @pytest.mark.parametrize(
        ("fault", "raised"),
        [
            ("--chaos-drop", ModelUnavailable),
            ("--chaos-malformed", ModelError),
            ("--chaos-disconnect", ModelUnavailable),
            ("--chaos-ratelimit", ModelRateLimited),
        ],
    )
    async def test_chaos_ends_as_one_of_our_errors(self, tmp_path: Path, fault: str, raised: type[ModelError]) -> None:
        async with aimock(tmp_path, FIXTURES, fault, "1") as url:
            with pytest.raises(raised):
                await self.ask(url, "tell me a story")

    async def test_nobody_listening_is_unavailable(self) -> None:
        with pytest.raises(ModelUnavailable):
            await self.ask("http://127.0.0.1:9", "hi")


async def _answer(client: ModelClient, said: Sequence[ModelMessage | str], options: Options) -> list[ModelEvent]:
    messages = [UserText(message) if isinstance(message, str) else message for message in said]
    stream = client.stream((SystemText("Be brief."), *messages), TOOLS, options=options, deadline=Deadline.after(10))
    return [event async for event in stream]
