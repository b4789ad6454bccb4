"""What acting costs: reads over asking the provider oneself, the decision of consent, free times, runs by the thousand.

The read's baseline is the same request made to the emulated provider directly.
"""

import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.actions import Provenance
from contracts.tool import Effect, ToolDescription
from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from libs.testing.running import free_port, running_adjutant
from services.chat.provenance import Heard, provenance_of
from services.chat.steps import Outcome, ToolCall
from services.tool.consent.policy import Intended, judge
from tests.benchmarks import availability, tool_runs
from tests.benchmarks.report import Measurement, median_ms, percentile

READS = 100


async def run() -> None:
    """Print one line for each."""
    availability.run()
    _consent()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        port = free_port()
        url, place = f"http://127.0.0.1:{port}", Path(directory)
        async with Sandbox(place / "sandbox", public_url=url, with_model=False) as sandbox:
            settings = sandbox.settings() | {
                "ADJUTANT_PORT": str(port),
                "ADJUTANT_PUBLIC_URL": url,
                "ADJUTANT_GATEWAY_MCP_CALLS_PER_MINUTE": "100000",
                "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "1000000",
                "ADJUTANT_LOG_LEVEL": "WARNING",
            }
            async with running_adjutant(place / "data", settings) as adjutant, AdjutantClient(adjutant.url) as ada:
                await ada.sign_up("bench@example.com", "correct horse battery staple")
                (await ada.connect("calendar", log_in)).raise_for_status()
                await _reads(sandbox, ada)
                await tool_runs.measure(adjutant, ada)


def _consent() -> None:
    """A call of four texts, after a mail of 24,000 characters was read."""
    body = "Could you look at the draft of the budget before Friday, and tell Priya? " * 330
    read = Outcome("c1", "mail_read", ok=True, effect=False, untrusted=True, result=json.dumps({"body": body}))
    arguments = {"to": ["priya.nair@example.com"], "subject": "The draft", "body": "Ada asks you to look at the draft."}
    call = ToolCall("c2", "mail_send", json.dumps(arguments), Effect.SEND)
    tool = ToolDescription(
        name="mail_send", description="", effect=Effect.SEND, parameters_schema="{}", returns_untrusted_text=False
    )
    heard = Heard("Tell Priya to look at the draft", (), (read,), datetime.now(UTC))
    provenance = provenance_of(call, tool, heard)
    intended = Intended("mail_send", Effect.SEND, (("to[1]", "priya.nair@example.com"),))
    told = Provenance.model_validate_json(provenance.model_dump_json())
    baseline = median_ms(lambda: json.loads(read.result), 50)
    found_ms = median_ms(lambda: provenance_of(call, tool, heard), 50)
    decided_ms = median_ms(lambda: judge(intended, told, ()), 50)
    Measurement("tools.consent", "provenance", found_ms, "ms", baseline, 20).print()
    Measurement("tools.consent", "policy", decided_ms, "ms", baseline, 0.1).print()


async def _reads(sandbox: Sandbox, ada: AdjutantClient) -> None:
    path = f"{sandbox.google_url}/calendar/v3/calendars/primary/events"
    window = {"timeMin": "2026-11-22T00:00:00Z", "timeMax": "2026-11-23T00:00:00Z", "singleEvents": "true"}
    key = (await ada.post("/api/keys", {"name": "bench", "scopes": ["chat"]})).json()["key"]
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    call = {"name": "calendar_list", "arguments": {"start": "2026-11-22T00:00:00Z", "end": "2026-11-23T00:00:00Z"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    async with httpx.AsyncClient(headers={"authorization": "Bearer bench"}, timeout=30) as http:
        direct = await _p50(lambda: http.get(path, params=window))
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        ours = await _p50(lambda: http.post(str(ada.http.base_url.join("/mcp")), json=body))
    Measurement("tools.read", "added_by_mcp_and_tool_p50", ours - direct, "ms", direct, 25).print()


async def _p50(ask: Callable[[], Awaitable[Any]]) -> float:
    took: list[float] = []
    for _ in range(READS):
        began = time.perf_counter()
        (await ask()).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 0.5)
