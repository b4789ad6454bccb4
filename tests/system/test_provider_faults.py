"""Google fails in every way it knows: the turn ends, says so in a sentence, and repeats nothing of Google's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from libs.testing.running import free_port, running_adjutant
from tests.service.tool.front import Fault, Front, html, rate_limited, reason
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CALENDAR = "What is on my calendar tomorrow?"
EVENTS = "/events"
ALWAYS = 50
GOOGLES_WORDS = "wordsOfGoogleNobodyRepeats"
NEVER_SAID = ("<html", "<h1>", "Bearer", GOOGLES_WORDS, "Traceback", "HttpError")
FAILED = "That did not work"


class Listening(Front):
    """Also remembers the tokens that came by."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.tokens: set[str] = set()

    async def _answer(self, line: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.tokens.add(headers.get("authorization", "").removeprefix("Bearer "))
        self.tokens.discard("")
        await super()._answer(line, headers, body, writer)


@pytest.fixture(scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Sandbox, Listening, AdjutantClient]]:
    """The offline engine, so that the same question always makes the same calls; Google behind the front."""
    directory = tmp_path_factory.mktemp("provider-faults")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        Sandbox(directory / "sandbox", public_url=url, with_model=False) as sandbox,
        Listening(sandbox.google_url) as front,
    ):
        settings = sandbox.settings() | {
            "ADJUTANT_PORT": str(port),
            "ADJUTANT_PUBLIC_URL": url,
            "ADJUTANT_TOOL_GMAIL_API": f"{front.url}/",
            "ADJUTANT_TOOL_CALENDAR_API": f"{front.url}/calendar/v3/",
            "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "1000",
            "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000",
        }
        async with running_adjutant(directory / "data", settings) as adjutant:
            yield sandbox, front, AdjutantClient(adjutant.url)


@pytest.fixture
async def client(
    scene: tuple[Sandbox, Listening, AdjutantClient], request: pytest.FixtureRequest
) -> AsyncIterator[AdjutantClient]:
    """A user of its own for each test: whatever is remembered of one connection is not the next one's."""
    _, front, first = scene
    front.reset()
    async with AdjutantClient(str(first.http.base_url)) as client:
        await client.sign_up(f"u{abs(hash(request.node.name))}@example.com", PASSWORD)
        for provider in ("gmail", "calendar"):
            assert (await client.connect(provider, log_in)).status_code < 400
        yield client
    front.reset()


async def test_a_token_google_no_longer_takes_is_refreshed_and_nobody_notices(
    scene: tuple[Sandbox, Listening, AdjutantClient], client: AdjutantClient
) -> None:
    scene[1].faults.append(Fault(EVENTS, status=401))

    answer = await client.chat(CALENDAR)

    assert answer.outcome == "turn.completed"
    assert scene[1].count(EVENTS) == 2
    assert FAILED not in answer.text


async def test_a_slow_google_is_waited_for(
    scene: tuple[Sandbox, Listening, AdjutantClient], client: AdjutantClient
) -> None:
    scene[1].faults.append(Fault(EVENTS, delay_s=2.0))

    answer = await client.chat(CALENDAR)

    assert answer.outcome == "turn.completed"
    assert scene[1].count(EVENTS) == 1
    assert FAILED not in answer.text


async def test_an_event_whose_answer_was_cut_off_exists_exactly_once(
    scene: tuple[Sandbox, Listening, AdjutantClient], client: AdjutantClient
) -> None:
    sandbox, front, _ = scene
    front.faults.append(Fault("POST /calendar/v3/calendars/primary/events", cut=True, after_commit=True))
    day = datetime.now(UTC) + timedelta(days=3)

    answer = await client.chat(f'Schedule "Cut off" with Sarah on {day:%Y-%m-%d} at 16:00')

    assert answer.outcome == "turn.completed"
    assert front.faults[0].times == 0, "the answer was cut off"
    assert [event["summary"] for event in await sandbox.calendar_events()].count("Cut off") == 1


# Last, because repeated failures open the breaker of the whole deployment and then Google is not even asked.
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param(Fault(EVENTS, cut=True), "google calendar", id="cut"),
        pytest.param(Fault(EVENTS, status=401), "connect the account again", id="401-always"),
        pytest.param(reason(EVENTS, 403, GOOGLES_WORDS), "does not allow this", id="403"),
        pytest.param(reason(EVENTS, 404, GOOGLES_WORDS), "does not know it", id="404"),
        pytest.param(rate_limited(EVENTS, "120"), "slow down", id="429"),
        pytest.param(Fault(EVENTS, status=500), "problem of its own", id="500"),
        pytest.param(html(EVENTS, 502), "problem of its own", id="html"),
    ],
)
async def test_whatever_google_answers_the_turn_ends_and_says_in_a_sentence_what_did_not_work(
    scene: tuple[Sandbox, Listening, AdjutantClient], client: AdjutantClient, fault: Fault, says: str
) -> None:
    front = scene[1]
    front.faults.append(replace(fault, times=ALWAYS))

    answer = await client.chat(CALENDAR)

    assert front.count(EVENTS) >= 1, "the fault was met"
    assert answer.outcome == "turn.completed", answer.updates[-3:]
    assert FAILED in answer.text
    assert says in answer.text.lower()
    told = str(answer.updates)
    assert front.tokens, "tokens were seen, so that looking for them means something"
    assert [word for word in (*NEVER_SAID, *front.tokens) if word in told] == []
