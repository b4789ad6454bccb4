"""The emulated model through the official client, in conversations that already hold earlier questions and answers."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openai import AsyncOpenAI

from libs.sandbox import Sandbox
from libs.sandbox.models import CALENDAR, GREETING, MEETING, SCHEDULE, STORY, UNREAD
from libs.sandbox.seeds import SARAH, titles_tomorrow, unread_today


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncOpenAI]:
    settings = sandbox.settings()
    base_url, key = settings["ADJUTANT_CHAT_MODEL_BASE_URL"], settings["ADJUTANT_CHAT_MODEL_API_KEY"]
    async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        yield client


class Talk:
    """A conversation; tools answer what the test says."""

    def __init__(self, client: AsyncOpenAI, *, keeps_tool_results: bool) -> None:
        self._client = client
        self._keeps = keeps_tool_results
        self._messages: list[Any] = [{"role": "system", "content": "You are Adjutant."}]
        self.tokens = 0

    async def ask(self, text: str, results: dict[str, str]) -> tuple[list[tuple[str, dict[str, Any]]], str]:
        """The calls the model made, and what it said in the end."""
        before = len(self._messages)
        self._messages.append({"role": "user", "content": text})
        made: list[tuple[str, dict[str, Any]]] = []
        for _ in range(4):
            answer = await self._client.chat.completions.create(model="gpt-5-mini", messages=self._messages)
            assert answer.usage is not None
            self.tokens += answer.usage.total_tokens
            message = answer.choices[0].message
            self._messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                if not self._keeps:
                    del self._messages[before + 1 : -1]
                return made, message.content or ""
            for call in message.tool_calls:
                assert call.type == "function"
                made.append((call.function.name, json.loads(call.function.arguments)))
                result = {"role": "tool", "tool_call_id": call.id, "content": results[call.function.name]}
                self._messages.append(result)
        raise AssertionError(f"never stops calling tools: {made}")


@pytest.mark.parametrize("keeps_tool_results", [True, False])
async def test_the_three_questions_in_one_conversation(client: AsyncOpenAI, keeps_tool_results: bool) -> None:
    talk = Talk(client, keeps_tool_results=keeps_tool_results)
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    assert await talk.ask("Hello", {}) == ([], GREETING)

    calls, said = await talk.ask(UNREAD, {"mail_search": "<data>{}</data>"})
    assert calls == [("mail_search", {"day": "today", "unread": True, "limit": 25})]
    assert all(subject in said for subject in unread_today())

    contacts = json.dumps({"contacts": [{"name": "Sarah Chen", "address": SARAH}]})
    created = json.dumps({"event_id": "abc", "title": MEETING, "guests": [SARAH]})
    calls, said = await talk.ask(SCHEDULE, {"contacts_find": contacts, "calendar_create_event": created})
    assert calls == [
        ("contacts_find", {"name": "Sarah"}),
        (
            "calendar_create_event",
            {"title": MEETING, "start": f"{tomorrow:%Y-%m-%d}T14:00:00", "duration_minutes": 30, "guests": [SARAH]},
        ),
    ]
    assert MEETING in said

    calls, said = await talk.ask(CALENDAR, {"calendar_list": json.dumps({"events": [{"title": MEETING}]})})
    assert calls == [("calendar_list", {"day": "tomorrow"})]
    assert all(title in said for title in [*titles_tomorrow(), MEETING])

    assert await talk.ask("Thank you", {}) == ([], GREETING)
    assert talk.tokens > 0


async def test_a_meeting_that_failed_is_not_claimed(client: AsyncOpenAI) -> None:
    contacts = json.dumps({"contacts": [{"name": "Sarah Chen", "address": SARAH}]})
    talk = Talk(client, keeps_tool_results=True)
    calls, said = await talk.ask(SCHEDULE, {"contacts_find": contacts, "calendar_create_event": "not connected"})
    assert len(calls) == 2
    assert "could not" in said


async def test_the_story_is_slow_and_long_enough_to_be_stopped(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="gpt-5-mini", messages=[{"role": "user", "content": STORY}], stream=True
    )
    pieces, began = 0, time.monotonic()
    async for _ in stream:
        pieces += 1
        if pieces == 40:
            break
    await stream.close()
    assert 0.5 < time.monotonic() - began < 10


async def test_streaming_tells_usage_and_the_journal_keeps_the_request(client: AsyncOpenAI, sandbox: Sandbox) -> None:
    stream = await client.chat.completions.create(
        model="gpt-5-mini",
        messages=[{"role": "user", "content": "A word for the journal"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    used = [chunk.usage async for chunk in stream if chunk.usage]
    assert used[0].prompt_tokens == 900
    last = (await sandbox.model_journal())[-1]
    assert last["body"]["messages"][-1]["content"] == "A word for the journal"
