"""What was said to a language model is on record: for its user alone, as the model saw it, without what tools read."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from libs.sandbox.models import GREETING, UNREAD
from libs.testing.client import AdjutantClient
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PATIENCE_S = 15.0
CARD = "4111 1111 1111 1111"


async def calls_of(user: AdjutantClient, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            calls: list[dict[str, Any]] = (await user.get("/api/usage/calls"))["calls"]
            if len(calls) >= count:
                return calls
            await asyncio.sleep(0.05)


async def test_a_call_can_be_read_again_by_its_user_as_the_model_saw_it(sign_up: Connected) -> None:
    user = await sign_up("audited@example.com")
    await user.post("/api/ai/generate", {"prompt": f"hi, my card is {CARD}"})

    (call,) = await calls_of(user, 1)
    assert call["outcome"] == "completed"
    words = await user.get(f"/api/usage/calls/{call['call_id']}")
    said = json.dumps(words["request"])
    assert "my card is" in said
    assert CARD not in said, "the model did not get to see it either"
    assert words["answer"]["text"] == GREETING
    kept = json.dumps(words["request"], separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(call["call_id"].encode() + b"\0" + kept).hexdigest() == call["request_sha256"]
    assert any(entry["action"] == "model.call_read" for entry in (await user.get("/api/audit"))["entries"])


async def test_nobody_else_reads_it(sign_up: Connected) -> None:
    user, stranger = await sign_up("audited2@example.com"), await sign_up("curious@example.com")
    await user.post("/api/ai/generate", {"prompt": "hi"})
    (call,) = await calls_of(user, 1)

    response = await stranger.http.get(f"/api/usage/calls/{call['call_id']}")
    assert response.status_code == 404
    assert (await stranger.get("/api/usage/calls"))["calls"] == []


async def test_of_mail_that_a_tool_read_a_hash_is_kept_and_no_word(connected: Connected) -> None:
    user = await connected("audited3@example.com")
    await user.chat(UNREAD)

    after_the_tool = (await calls_of(user, 2))[0]
    messages = (await user.get(f"/api/usage/calls/{after_the_tool['call_id']}"))["request"]["messages"]
    (result,) = [message for message in messages if message["role"] == "tool"]
    assert result["bytes"] > 0
    assert len(result["sha256"]) == 64
    assert "text" not in result
