"""Plays the main job twice, with a model and without, and believes nobody but the provider's own API."""

import asyncio
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.pretty import Pretty

from libs.demo.story import NotConfirmed, confirm_event, confirm_seen, confirm_unread, tell
from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import RunningAdjutant, free_port, running_adjutant

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of an account that lives as long as the demo
SARAH = "sarah.chen@example.com"
TRACE_PATIENCE_S = 15.0

console = Console(highlight=False, width=110)


def main() -> int:
    """0 when the provider confirms everything, 1 with the reason when it does not."""
    try:
        for engine in ("model", "offline"):
            asyncio.run(_play(engine))
    except NotConfirmed as refuted:
        console.print(f"[bold red]Not confirmed:[/] {escape(str(refuted))}")
        return 1
    console.print("\n[bold green]Both runs were confirmed by the provider's own API.[/]")
    return 0


async def _play(engine: str) -> None:
    console.rule(
        f"[bold]{'With a model (emulated OpenAI)' if engine == 'model' else 'Without any model (offline engine)'}"
    )
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="adjutant-demo-", ignore_cleanup_errors=True) as directory:
        scene = Path(directory)
        async with Sandbox(scene / "sandbox", public_url=url, with_model=engine == "model") as sandbox:
            settings = sandbox.settings() | {"ADJUTANT_PORT": str(port), "ADJUTANT_PUBLIC_URL": url}
            async with running_adjutant(scene / "data", settings) as adjutant:
                await _perform(adjutant, sandbox, engine)


async def _perform(adjutant: RunningAdjutant, sandbox: Sandbox, engine: str) -> None:
    async with AdjutantClient(adjutant.url) as client:
        await client.sign_up(EMAIL, PASSWORD, timezone="UTC")
        console.print(f"[dim]signed up {EMAIL} at {adjutant.url}[/]")
        for provider in ("gmail", "calendar"):
            connected = await client.connect(provider, log_in)
            if connected.is_error:
                raise NotConfirmed(f"connecting {provider} was answered {connected.status_code}: {connected.text}")
            console.print(f"[dim]connected {provider} through the provider's log-in pages[/]")
        told = await tell(client, _ask)
    event = await _confirm(sandbox, told.unread, told.schedule, told.calendar)
    expected = {"turn.completed"}
    for answer in (told.unread, told.schedule, told.calendar):
        last = answer.updates[-1]
        if {answer.outcome} != expected or last.get("engine") != engine:
            raise NotConfirmed(f"the turn ended as {answer.outcome} by {last.get('engine')}")
    console.print(Panel(Pretty(event), title="The event, as the provider returns it"))
    await _print_trace(adjutant, told.schedule.turn_id)


async def _ask(client: AdjutantClient, text: str, conversation_id: str | None) -> Answer:
    console.print(f"\n[bold cyan]you[/]       {escape(text)}")
    answer = Answer()
    fields = {"conversation_id": conversation_id} if conversation_id else {}
    speaking = False
    async with client.stream(text, **fields) as events:
        async for event_id, update in events:
            answer.take(event_id, update)
            if update["type"] == "step.started":
                console.print(f"[dim]          · {escape(update['name'])}[/]")
            elif update["type"] == "token":
                if not speaking:
                    console.print("[bold green]adjutant[/]  ", end="")
                console.print(escape(update["text"]), end="", soft_wrap=True)
                speaking = True
    console.print()
    return answer


async def _confirm(sandbox: Sandbox, unread: Answer, schedule: Answer, calendar: Answer) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    mails = [mail for mail in await sandbox.mails() if mail["date"][:10] == today.isoformat()]
    confirm_unread(
        unread,
        [mail["subject"] for mail in mails if mail["unread"]],
        [mail["subject"] for mail in mails if not mail["unread"]],
    )
    start = f"{today + timedelta(days=1)}T14:00"
    event = confirm_event(await sandbox.calendar_events(), start, SARAH)
    confirm_seen(calendar, event)
    if not schedule.text:
        raise NotConfirmed("nothing was said about the meeting")
    return event


async def _print_trace(adjutant: RunningAdjutant, turn_id: str) -> None:
    """The files are written twice a second, so the tree may be incomplete for a moment."""
    command = [sys.executable, "-m", "libs.runtime.cli", "trace", turn_id, "--data-dir", str(adjutant.data_dir)]
    async with asyncio.timeout(TRACE_PATIENCE_S):
        while True:
            await asyncio.sleep(1)
            shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            if "chat.run_turn" in shown.stdout:
                break
    console.print(Panel(escape(shown.stdout.rstrip()), title=f"adjutant trace {turn_id}"))
