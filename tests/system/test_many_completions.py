"""A thousand streamed requests at once while one provider fails half of its calls: nobody notices, the books are right.

The flaky provider is the emulated one with its own fault injection; so the figures do not depend on a script of ours.
"""

import asyncio
import json
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.testing.client import AdjutantClient
from libs.testing.running import running_adjutant
from tests.service.models.aimock import aimock
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

REQUESTS = 1_000
COMES_BACK = 5
AFTER_S = 2.0
"""A machine that has other work to do may not begin a thousand answers within the ten seconds that a client waits."""
STORY = "Once upon a time there was a queue, and it had a bound."
FIXTURES = [{"match": {"endpoint": "chat"}, "response": {"content": STORY}}]
INPUT_MICROS, OUTPUT_MICROS = 3_000_000, 11_000_000


async def test_a_thousand_streams_survive_a_provider_that_fails_half_of_the_time() -> None:
    with tempfile.TemporaryDirectory(prefix="adjutant-many-", ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        (place / "flaky").mkdir()
        (place / "steady").mkdir()
        async with (
            aimock(place / "flaky", FIXTURES, "--chaos-drop", "0.5") as flaky,
            aimock(place / "steady", FIXTURES) as steady,
            running_adjutant(place / "data", _settings(flaky, steady)) as adjutant,
            AdjutantClient(adjutant.url) as client,
        ):
            await client.sign_up("ada@example.com", PASSWORD)
            key = (await client.post("/api/keys", {"name": "k", "scopes": ["chat"]})).json()["key"]
            limits = httpx.Limits(max_connections=REQUESTS)
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=adjutant.url, limits=limits, timeout=120, headers=headers) as http:
                outcomes = Counter(await asyncio.gather(*(_ask(http) for _ in range(REQUESTS))))
            rows = await _settled(client)

    assert outcomes[STORY] >= 0.995 * REQUESTS, outcomes
    completed = sum(row["requests"] - row["failures"] for row in rows)
    assert completed == outcomes[STORY]
    # Every answer is the same, so every one costs the same: to the millionth.
    read, written = (sum(row[what] for row in rows) for what in ("input_tokens", "output_tokens"))
    each = -(-(read // completed * INPUT_MICROS + written // completed * OUTPUT_MICROS) // 1_000_000)
    assert (read % completed, written % completed) == (0, 0)
    assert sum(row["cost_micros"] for row in rows) == completed * each


def _settings(flaky: str, steady: str) -> dict[str, str]:
    prices = {"input_micros": INPUT_MICROS, "output_micros": OUTPUT_MICROS, "model": "gpt-5-mini", "api_key": "k"}
    deployments = [
        {"name": "flaky", "base_url": f"{flaky}/v1", **prices},
        {"name": "steady", "base_url": f"{steady}/v1", **prices},
    ]
    return {
        "ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(deployments),
        "ADJUTANT_GATEWAY_SIGN_UP_TIER": "ENTERPRISE",
        "ADJUTANT_LOG_LEVEL": "WARNING",
    }


async def _ask(http: httpx.AsyncClient) -> str:
    """The text, or what went wrong. Told to come back later, it does, like every client of OpenAI's."""
    for _ in range(COMES_BACK):
        said = await _ask_once(http)
        if not said.startswith("503"):
            return said
        await asyncio.sleep(AFTER_S)
    return said


async def _ask_once(http: httpx.AsyncClient) -> str:
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "tell me"}]}
    said: list[str] = []
    try:
        async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
            if answer.status_code != 200:
                return f"{answer.status_code} {(await answer.aread())[:300]!r}"
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk: dict[str, Any] = json.loads(line[6:])
                if "error" in chunk:
                    return f"broke off: {chunk['error']['code']}"
                said += [choice["delta"].get("content") or "" for choice in chunk["choices"]]
    except httpx.HTTPError as error:
        return type(error).__name__
    return "".join(said)


async def _settled(client: AdjutantClient) -> list[dict[str, Any]]:
    """The ledger's rows of today, once all requests are in it."""
    today = datetime.now(UTC).date().isoformat()
    async with asyncio.timeout(30):
        while True:
            rows: list[dict[str, Any]] = (await client.get("/api/usage", start=today, end=today))["rows"]
            if sum(row["requests"] for row in rows) >= REQUESTS:
                return rows
            await asyncio.sleep(0.1)
