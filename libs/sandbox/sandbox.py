"""The emulated providers of one run: started, asked, stopped."""

import json
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from libs.sandbox import models, seeds, work_tools
from libs.sandbox.child import Child, DidNotStart
from libs.sandbox.node import SandboxUnavailable, emulators
from libs.sandbox.provider_view import calendar_events, mails

START_S = 20.0
STOP_S = 5.0
ATTEMPTS = 3
MODEL = "gpt-5-mini"
MODEL_KEY = "sandbox-model-key"


class Sandbox:
    """`async with Sandbox(directory) as sandbox:` runs an emulated Google and, unless told otherwise, a model.

    With `with_work_tools` a GitHub, a Slack and a Microsoft log-in too. `others` are more people at Google.

    `public_url`: the address (or addresses) under which the gateway is reached. With it Google knows one client and
    refuses redirects to anywhere else; without it Google takes any. The seeded dates count from the start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        public_url: str | Sequence[str] | None = None,
        with_model: bool = True,
        with_work_tools: bool = False,
        others: Sequence[str] = (),
        cache: Path | None = None,
    ) -> None:
        self._directory = directory
        self._public_urls = (public_url,) if isinstance(public_url, str) else tuple(public_url or ())
        self._with_model = with_model
        self._with_work_tools = with_work_tools
        self._cache = cache
        self._others = tuple(others)
        self._children: list[Child] = []
        self._discovered: dict[str, str] = {}
        self.google_url = ""
        self.model_url = ""
        self.github_url = ""
        self.slack_url = ""
        self.microsoft_url = ""

    async def __aenter__(self) -> "Sandbox":
        programs = await emulators(self._cache)
        self._directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        # JSON is YAML, so the seed needs no writer of its own.
        seed = self._write("seed.yaml", {"google": seeds.google_seed(now, self._public_urls, self._others)})
        options = ("start", "--service", "google", "--seed", str(seed), "--port")
        try:
            self.google_url = await self._start(
                "google", (*programs.google, *options), "/.well-known/openid-configuration"
            )
            self._discovered = await self._get("/.well-known/openid-configuration")
            if self._with_work_tools:
                await self._start_work_tools(programs.google)
            if self._with_model:
                fixtures = self._write("fixtures.json", models.fixtures(now))
                given = ("--fixtures", str(fixtures), "--validate-on-load", "--log-level", "warn", "--port")
                self.model_url = await self._start("model", (*programs.model, *given), "/health")
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def settings(self) -> dict[str, str]:
        """The settings that make Adjutant use this sandbox."""
        found = self._discovered
        given = {
            "ADJUTANT_OAUTH_GOOGLE_CLIENT_ID": seeds.CLIENT_ID,
            "ADJUTANT_OAUTH_GOOGLE_CLIENT_SECRET": seeds.CLIENT_SECRET,
            "ADJUTANT_OAUTH_GOOGLE_AUTHORIZE_URL": found["authorization_endpoint"],
            "ADJUTANT_OAUTH_GOOGLE_TOKEN_URL": found["token_endpoint"],
            "ADJUTANT_OAUTH_GOOGLE_REVOKE_URL": found["revocation_endpoint"],
            "ADJUTANT_OAUTH_GOOGLE_USERINFO_URL": found["userinfo_endpoint"],
            "ADJUTANT_OAUTH_GOOGLE_JWKS_URL": found["jwks_uri"],
            "ADJUTANT_OAUTH_GOOGLE_ISSUER": found["issuer"],
            "ADJUTANT_TOOL_GMAIL_API": f"{self.google_url}/",
            "ADJUTANT_TOOL_CALENDAR_API": f"{self.google_url}/calendar/v3/",
            "ADJUTANT_SYNC_GMAIL_API": f"{self.google_url}/",
            "ADJUTANT_SYNC_CALENDAR_API": f"{self.google_url}/calendar/v3/",
        }
        if self._with_work_tools:
            given |= work_tools.github_settings(self.github_url) | work_tools.slack_settings(self.slack_url)
            given |= work_tools.microsoft_settings(self.microsoft_url)
        if self._with_model:
            given["ADJUTANT_CHAT_MODEL_BASE_URL"] = f"{self.model_url}/v1"
            given["ADJUTANT_CHAT_MODEL_API_KEY"] = MODEL_KEY
            given["ADJUTANT_CHAT_MODEL"] = MODEL
        return given

    async def calendar_events(self) -> list[dict[str, Any]]:
        """Every event of the primary calendar, as the provider's API writes it."""
        return await calendar_events(self.google_url)

    async def mails(self) -> list[dict[str, Any]]:
        """Every mail: id, subject, from, unread, date (ISO 8601 in UTC), newest first."""
        return await mails(self.google_url)

    async def model_journal(self) -> list[dict[str, Any]]:
        """Every request that the model got, oldest first, as aimock writes it."""
        async with httpx.AsyncClient(base_url=self.model_url) as http:
            answer = await http.get("/__aimock/journal")
        entries: list[dict[str, Any]] = answer.raise_for_status().json()
        return entries

    async def _start_work_tools(self, program: Sequence[str]) -> None:
        seeds_of = {
            "github": work_tools.github_seed,
            "slack": work_tools.slack_seed,
            "microsoft": work_tools.microsoft_seed,
        }
        for name, seed in seeds_of.items():
            file = self._write(f"{name}.yaml", seed(self._public_urls))
            command = (*program, "start", "--service", name, "--seed", str(file), "--port")
            setattr(self, f"{name}_url", await self._start(name, command, "/_emulate/fonts/geist-sans.woff2"))

    def _write(self, name: str, content: Any) -> Path:
        file = self._directory / name
        file.write_text(json.dumps(content, indent=1))
        return file.resolve()

    async def _get(self, path: str) -> dict[str, str]:
        async with httpx.AsyncClient(base_url=self.google_url) as http:
            found: dict[str, str] = (await http.get(path)).raise_for_status().json()
        return found

    async def _start(self, name: str, command: Sequence[str], ready: str) -> str:
        """Its address once it answers. Another try when somebody took the free port first."""
        log = self._directory.resolve() / f"{name}.log"
        why = ""
        for _ in range(ATTEMPTS):
            url = f"http://localhost:{(port := _free_port())}"
            child = Child((*command, str(port)), log)
            self._children.append(child)
            try:
                await child.wait_until(_answers(url + ready), START_S)
            except DidNotStart as error:
                await child.stop(STOP_S)
                why = str(error)
            else:
                return url
        raise SandboxUnavailable(f"The emulated {name} did not start: {why}.")

    async def _stop(self) -> None:
        while self._children:
            await self._children.pop().stop(STOP_S)


def _answers(url: str) -> Callable[[], Any]:
    async def check() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2) as http:
                return (await http.get(url)).is_success
        except httpx.TransportError:
            return False

    return check


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
