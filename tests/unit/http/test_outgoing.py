"""What a neighbour over HTTP may do to us, and what its caller is told."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from libs.http import HttpClient, problem
from libs.http.errors import AnswerTooLarge, NeighbourRateLimited, NeighbourTimeout, NeighbourUnavailable
from libs.resilience.breaker import Breaker, BreakerState, CircuitOpen
from libs.resilience.deadline import Deadline
from libs.resilience.errors import InvalidInput, NotFound
from libs.resilience.retry import Category, category_of


class Neighbour(httpx.AsyncBaseTransport):
    """Answers as told and remembers what it was asked."""

    def __init__(self, response: httpx.Response | Exception | None, wait_s: float = 0) -> None:
        self.response, self.wait_s = response, wait_s
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await asyncio.sleep(self.wait_s)
        if isinstance(self.response, Exception):
            raise self.response
        return self.response or httpx.Response(200, json={"ok": True})


def client(neighbour: Neighbour, **options: object) -> HttpClient:
    return HttpClient("mail", "https://mail.example/v1", transport=neighbour, **options)  # type: ignore[arg-type]


async def test_an_answer_comes_with_status_and_json() -> None:
    neighbour = Neighbour(None)
    response = await client(neighbour).send("GET", "/users/{user}/mail", path={"user": "a/b?c"}, params={"q": "x"})

    assert (response.status, response.json()) == (200, {"ok": True})
    assert neighbour.asked[0].url.raw_path == b"/v1/users/a%2Fb%3Fc/mail?q=x"


@pytest.mark.parametrize("id", ["", ".", ".."])
async def test_an_id_cannot_climb_to_another_route(id: str) -> None:
    with pytest.raises(InvalidInput):
        await client(Neighbour(None)).send("GET", "/users/{user}", path={"user": id})


@pytest.mark.parametrize("status", [200, 302, 401, 404])
async def test_the_caller_judges_what_the_neighbour_decided(status: int) -> None:
    assert (await client(Neighbour(httpx.Response(status))).send("GET", "/x")).status == status


@pytest.mark.parametrize(
    "trouble", [httpx.Response(503), httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut")]
)
async def test_failures_of_the_neighbour_are_told_and_open_the_breaker(trouble: httpx.Response | Exception) -> None:
    mail = client(Neighbour(trouble), breaker=Breaker("mail", failures=1))
    with pytest.raises(NeighbourUnavailable):
        await mail.send("GET", "/x")
    with pytest.raises(CircuitOpen):
        await mail.send("GET", "/x")


async def test_html_instead_of_json_is_a_failure_of_the_neighbour() -> None:
    response = await client(Neighbour(httpx.Response(200, html="<html>"))).send("GET", "/x")
    with pytest.raises(NeighbourUnavailable):
        response.json()


async def test_a_slow_neighbour_is_left_when_the_deadline_passes() -> None:
    with pytest.raises(NeighbourTimeout) as told:
        await client(Neighbour(None, wait_s=30)).send("GET", "/x", deadline=Deadline.after(0.05))

    assert category_of(told.value) is Category.TIMEOUT


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7), ("99999999999", 3600), ("soon", None), ("", None)])
async def test_a_pause_it_asks_for_is_passed_on(header: str, wait_s: float | None) -> None:
    mail = client(Neighbour(httpx.Response(429, headers={"retry-after": header})), breaker=Breaker("mail", failures=1))
    with pytest.raises(NeighbourRateLimited) as told:
        await mail.send("GET", "/x")

    assert told.value.retry_after_s == wait_s
    assert mail.breaker.state is BreakerState.CLOSED


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1000

    with pytest.raises(AnswerTooLarge):
        await client(Neighbour(httpx.Response(200, stream=Endless())), max_answer_bytes=10_000).send("GET", "/x")


def test_a_problem_says_what_to_do() -> None:
    assert problem(NotFound("There is no such mail."), "req_1") == {
        "type": "urn:adjutant:problem:not_found",
        "title": "not_found",
        "status": 404,
        "detail": "There is no such mail.",
        "advice": "Check the id.",
        "request_id": "req_1",
    }
