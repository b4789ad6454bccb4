"""A model that fails: what is tried again, what is not, and what the error says."""

import time

import pytest

from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelLeftAlone,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelTimeout,
    ModelUnavailable,
    StreamBroken,
)
from libs.models.messages import Options, TextDelta, ToolCalls, UserText
from libs.resilience.deadline import Deadline
from services.chat.routing.health import State
from services.chat.routing.request import ModelRequest
from tests.service.models.asking import TOOLS, ask, deployment, end_of, text_of
from tests.service.models.scripted_server import END, HEAD, event, raw, refusal, scripted, whole

UNTIL_READ_S = 0.1
"""A pause on the wire: what was said before it has been read when the failure comes."""
CUT = (HEAD, event({"role": "assistant", "content": ""}))


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (401, "invalid_api_key", ModelRefusedKey),
        (403, "forbidden", ModelRefusedKey),
        (400, "context_length_exceeded", ContextTooLarge),
        (400, "bad_tool", ModelRefused),
        (404, "model_not_found", ModelRefusedKey),
        (422, "unprocessable", ModelRefused),
    ],
)
async def test_what_would_fail_again_is_asked_once(status: int, code: str, raised: type[ModelError]) -> None:
    async with scripted(refusal(status, code)) as server, deployment(server.url) as model:
        with pytest.raises(raised) as caught:
            await ask(model, "hello")
    assert len(server.requests) == 1
    assert "nobody may repeat" not in caught.value.detail


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_server_error_is_asked_again_and_the_user_sees_one_answer(status: int) -> None:
    async with scripted(refusal(status, "oops"), whole("hello there")) as server, deployment(server.url) as model:
        events = await ask(model, "hello")
    assert text_of(events) == "hello there"
    assert len(server.requests) == 2


async def test_a_rate_limit_is_waited_out_when_the_provider_says_it_is_short() -> None:
    limited = refusal(429, "rate_limit_exceeded", headers="Retry-After: 1\r\n")
    async with scripted(limited, whole("now")) as server, deployment(server.url) as model:
        began = time.monotonic()
        assert text_of(await ask(model, "hello")) == "now"
    assert time.monotonic() - began >= 1


async def test_a_rate_limit_longer_than_the_deadline_is_told_at_once() -> None:
    limited = refusal(429, "rate_limit_exceeded", headers="Retry-After: 60\r\n")
    async with scripted(limited) as server, deployment(server.url) as model:
        with pytest.raises(ModelRateLimited) as caught:
            await ask(model, "hello")
    assert caught.value.retry_after_s == 60
    assert len(server.requests) == 1


@pytest.mark.parametrize("junk", [b"data: {nonsense\n\n", b"<html>busy</html>\n\n", b"data: [1]\n\n"])
async def test_a_malformed_stream_is_asked_again_before_the_first_word(junk: bytes) -> None:
    async with scripted((HEAD, raw(junk), END), whole("fine")) as server, deployment(server.url) as model:
        assert text_of(await ask(model, "hello")) == "fine"
    assert len(server.requests) == 2


async def test_a_connection_cut_before_the_first_word_is_asked_again() -> None:
    async with scripted(CUT, whole("fine"), hangs_up=True) as server, deployment(server.url) as model:
        assert text_of(await ask(model, "hello")) == "fine"
    assert len(server.requests) == 2


async def test_an_answer_cut_after_the_first_word_is_gone_on_with_and_no_word_is_said_twice() -> None:
    broken = (HEAD, event({"content": "You have "}), event({"content": "three"}), UNTIL_READ_S)
    async with scripted(broken, whole("three new mails."), hangs_up=True) as server, deployment(server.url) as model:
        events = await ask(model, "hello")
    assert text_of(events) == "You have three new mails."
    assert len(server.requests) == 2


async def test_an_answer_that_is_cut_again_and_again_is_an_honest_end() -> None:
    broken = (HEAD, event({"content": "You have "}), event({"content": "three"}), UNTIL_READ_S)
    said = []
    async with scripted(broken, hangs_up=True) as server, deployment(server.url) as model:
        with pytest.raises(StreamBroken):  # noqa: PT012 - the break comes in the middle of reading
            async for told in model.stream(ModelRequest((UserText("hello"),)), Deadline.after(10)):
                assert isinstance(told, TextDelta)
                said.append(told.text)
    assert "".join(said) == "You have three"
    assert len(server.requests) == 3


async def test_an_error_inside_the_stream_after_the_first_word_ends_it_when_it_stays() -> None:
    failure = event(error={"message": "boom", "type": "server_error"})
    broken = (HEAD, event({"content": "You "}), UNTIL_READ_S, failure, END)
    async with scripted(broken) as server, deployment(server.url) as model:
        with pytest.raises(ModelUnavailable):
            await ask(model, "hello")
    assert len(server.requests) == 3


async def test_half_a_tool_call_is_never_handed_on() -> None:
    half = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "calendar_list", "arguments": '{"da'}}]}
    async with scripted((HEAD, event(half)), whole("again"), hangs_up=True) as server, deployment(server.url) as model:
        events = await ask(model, "hello")
    assert text_of(events) == "again", "nothing was visible yet, so it was asked again"


async def test_a_first_token_that_does_not_come_is_a_timeout_within_its_own_limit() -> None:
    async with scripted((HEAD, 30.0)) as server, deployment(server.url, first_token_s=0.2) as model:
        began = time.monotonic()
        with pytest.raises(ModelTimeout):
            await ask(model, "hello", within_s=1.5)
    assert time.monotonic() - began < 1.5


async def test_a_stream_that_trickles_on_ends_with_the_turns_deadline() -> None:
    endless = [HEAD, *(piece for _ in range(100) for piece in (event({"content": "x"}), 0.05))]
    async with scripted(endless) as server, deployment(server.url) as model:
        began = time.monotonic()
        with pytest.raises(ModelTimeout):
            await ask(model, "hello", within_s=0.7)
    assert time.monotonic() - began < 2


async def test_nobody_listening_is_unavailable() -> None:
    async with deployment("http://127.0.0.1:9/v1") as model:
        with pytest.raises(ModelUnavailable):
            await ask(model, "hello", within_s=2)


async def test_a_deployment_that_keeps_failing_is_left_alone_and_then_probed() -> None:
    failing = refusal(500, "oops")
    async with scripted(*[failing] * 6, whole("back")) as server, deployment(server.url) as model:
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                await ask(model, "hello", within_s=6)
        health = model.deployments[0].health
        assert health.state is State.OPEN
        seen = len(server.requests)
        with pytest.raises(ModelLeftAlone):
            await ask(model, "hello")
        assert len(server.requests) == seen, "an open circuit asks nobody"
        health.reset()
        while len(server.requests) < 6:
            server.requests.append({})
        assert text_of(await ask(model, "hello")) == "back"


async def test_one_connection_serves_one_answer_after_another() -> None:
    async with scripted(whole("a"), whole("b"), whole("c")) as server, deployment(server.url) as model:
        for expected in "abc":
            events = await ask(model, "hello")
            assert text_of(events) == expected
            assert (end_of(events).input_tokens, end_of(events).output_tokens) == (5, 3)
    assert server.connections == 1


async def test_who_wants_one_call_at_a_time_gets_one_whatever_the_model_does() -> None:
    parts = [{"index": n, "id": f"c{n}", "function": {"name": "look", "arguments": "{}"}} for n in range(3)]
    calls = (HEAD, event({"tool_calls": parts}), event(finish="tool_calls"), raw(b"data: [DONE]\n\n"), END)
    request = ModelRequest((UserText("hi"),), TOOLS, Options(one_call=True))
    async with scripted(calls) as server, deployment(server.url) as router:
        events = [event async for event in router.stream(request, Deadline.after(5))]
    assert [len(event.calls) for event in events if isinstance(event, ToolCalls)] == [1]
    assert server.requests[0]["parallel_tool_calls"] is False


@pytest.mark.parametrize("param", ["temperature", "top_p"])
async def test_a_model_that_takes_no_temperature_is_asked_without_from_then_on(param: str) -> None:
    """As OpenAI's models that think do: https://platform.openai.com/docs/guides/latest-model"""
    request = ModelRequest((UserText("hi"),), options=Options(temperature=0, top_p=0.5, max_output_tokens=9))
    no = refusal(400, "unsupported_value", param=param)
    async with scripted(no, whole("well"), whole("again")) as server, deployment(server.url) as router:
        for expected in ("well", "again"):
            events = [event async for event in router.stream(request, Deadline.after(5))]
            assert text_of(events) == expected
        assert router.deployments[0].health.total_failures == 0
    sampled = [sorted({"temperature", "top_p"} & set(asked)) for asked in server.requests]
    assert sampled == [["temperature", "top_p"], [], []]
    assert [asked["max_completion_tokens"] for asked in server.requests] == [9, 9, 9]


async def test_another_value_that_is_refused_stays_refused() -> None:
    request = ModelRequest((UserText("hi"),), options=Options(temperature=0, max_output_tokens=9))
    no = refusal(400, "unsupported_value", param="max_completion_tokens")
    async with scripted(no) as server, deployment(server.url) as router:
        with pytest.raises(ModelRefused):
            _ = [event async for event in router.stream(request, Deadline.after(5))]
    assert len(server.requests) == 1
