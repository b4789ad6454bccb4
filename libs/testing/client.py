"""A small client of the public API, as an outside program would write it: for the demo, system and chaos tests."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

FINAL = frozenset({"turn.completed", "turn.failed", "turn.stopped", "error"})


@dataclass(slots=True)
class Answer:
    """What became of one turn, gathered from its stream."""

    turn_id: str = ""
    conversation_id: str = ""
    last_event_id: str = ""
    text: str = ""
    updates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """The type of the last update: `turn.completed` and so on, or empty while it runs."""
        last = self.updates[-1]["type"] if self.updates else ""
        return last if last in FINAL else ""

    def take(self, event_id: str, update: dict[str, Any]) -> None:
        """Add one update."""
        self.last_event_id = event_id or self.last_event_id
        self.turn_id = update.get("turn_id") or self.turn_id
        self.conversation_id = update.get("conversation_id") or self.conversation_id
        if update["type"] == "turn.restarted":
            self.text = ""
        if update["type"] == "token":
            self.text += update["text"]
        self.updates.append(update)


class AdjutantClient:
    """One user's session at one gateway; `base_url` such as `http://127.0.0.1:8080`."""

    def __init__(self, base_url: str, *, timeout_s: float = 60) -> None:
        self.http = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, follow_redirects=False)
        self.email = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.http.aclose()

    @property
    def _csrf(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.http.cookies.get("adjutant_csrf") or ""}

    async def sign_up(self, email: str, password: str, *, timezone: str = "UTC") -> None:
        """Create an account; the session cookie stays in this client."""
        self.email = email
        body = {"email": email, "password": password, "timezone": timezone}
        (await self.http.post("/api/auth/sign-up", json=body)).raise_for_status()

    async def get(self, path: str, **params: str) -> Any:
        """GET JSON; raises httpx.HTTPStatusError for an error answer."""
        response = await self.http.get(path, params=params)
        response.raise_for_status()
        return response.json()

    async def post(self, path: str, body: object = None) -> httpx.Response:
        """POST JSON with the CSRF token; the caller looks at the status."""
        return await self.http.post(path, json=body if body is not None else {}, headers=self._csrf)

    async def put(self, path: str, body: object) -> httpx.Response:
        """PUT JSON with the CSRF token; the caller looks at the status."""
        return await self.http.put(path, json=body, headers=self._csrf)

    async def patch(self, path: str, body: object) -> httpx.Response:
        """PATCH JSON with the CSRF token; the caller looks at the status."""
        return await self.http.patch(path, json=body, headers=self._csrf)

    async def delete(self, path: str) -> httpx.Response:
        """DELETE with the CSRF token."""
        return await self.http.delete(path, headers=self._csrf)

    async def connect(self, provider: str, log_in: Callable[[str], Awaitable[str]]) -> httpx.Response:
        """Connect a provider: `log_in` gets the authorization URL and returns where the provider redirects to."""
        started = await self.post("/api/integrations/connect", {"type": provider})
        started.raise_for_status()
        callback = httpx.URL(await log_in(started.json()["authUrl"]))
        # The gateway's own address may differ from the one it publishes; path and query are what counts.
        return await self.http.get(callback.raw_path.decode())

    async def chat(self, text: str, *, answer: Answer | None = None, **fields: Any) -> Answer:
        """Ask and read the whole stream."""
        into = answer if answer is not None else Answer()
        async with self.stream(text, **fields) as events:
            async for event_id, update in events:
                into.take(event_id, update)
        return into

    @asynccontextmanager
    async def stream(
        self, text: str, *, idempotency_key: str | None = None, **fields: Any
    ) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any]]]]:
        """Ask and iterate over (event id, update)."""
        body = {"messages": [{"role": "user", "content": text}], **fields}
        headers = self._csrf | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        async with self.http.stream("POST", "/api/ai/chat", json=body, headers=headers) as response:
            await _raise_for_status(response)
            yield _server_sent_events(response)

    async def resume(self, answer: Answer) -> Answer:
        """Follow a turn from the last event seen to its end."""
        headers = {"Last-Event-ID": answer.last_event_id} if answer.last_event_id else {}
        path = f"/api/ai/turns/{answer.turn_id}/stream"
        async with self.http.stream("GET", path, headers=headers) as response:
            await _raise_for_status(response)
            async for event_id, update in _server_sent_events(response):
                answer.take(event_id, update)
        return answer


async def _raise_for_status(response: httpx.Response) -> None:
    if response.is_error:
        await response.aread()
        response.raise_for_status()


async def _server_sent_events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    event_id, data = "", []
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if name == "id":
            event_id = value.strip()
        elif name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield event_id, json.loads("\n".join(data))
            data = []
