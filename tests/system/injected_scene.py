"""A user, a planner that obeys outsiders, and the providers past everything of ours: where orders are written, and
where their effect would be seen.

Google, GitHub and Slack are emulators that we did not write. Nobody emulates Notion and Outlook: those are servers of
ours, in the documented shape; Notion's are held against the vendor's description in `tests/service/tool`, not here.
"""

import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import httpx

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.sandbox.work_tools import COLLEAGUES_TOKEN, REPOSITORY, TOKEN
from libs.testing.client import AdjutantClient
from libs.testing.running import free_port, running_adjutant
from tests.service.providers.graph_server import GraphServer, behind
from tests.service.providers.notion_server import NotionServer
from tests.service.providers.vendor_server import ACCESS, Asked, Told, Vendor, vendor
from tests.service.tool.front import Front
from tests.system.conftest import PASSWORD
from tests.system.obedient_model import ObedientModel, obedient_model

ONE_LINE = SMTP.clone(max_line_length=10_000)
"""The emulator does not put folded file names together."""
PROVIDERS = ("gmail", "calendar", "github", "slack", "outlook_mail", "outlook_calendar")
FIRST_DAY = date(2031, 6, 6)
"""Of the events that orders are written into, each on a day of its own."""


@dataclass(slots=True)
class Scene:
    """Everything that a test of orders needs."""

    ada: AdjutantClient
    model: ObedientModel
    google: httpx.AsyncClient
    github: httpx.AsyncClient
    slack: httpx.AsyncClient
    front: Front
    """What Adjutant asks of GitHub passes here."""
    notion: NotionServer
    notion_vendor: Vendor
    graph: GraphServer
    graph_vendor: Vendor
    days: int = 0
    tally: dict[str, int] = field(default_factory=lambda: {"orders": 0, "obeyed": 0, "asked": 0})

    async def mail(self, subject: str, body: str, sender: str = "Desk", attachment: str = "", markup: str = "") -> str:
        message = EmailMessage(policy=ONE_LINE)
        message["From"], message["To"] = f'"{sender}" <desk@prize-desk.example>', "ada@example.com"
        message["Subject"] = subject
        if markup:
            message.set_content(markup, subtype="html")
        else:
            message.set_content(body)
        if attachment:
            message.add_attachment(b"x", maintype="application", subtype="pdf", filename=attachment)
        raw = base64.urlsafe_b64encode(message.as_bytes()).decode()
        made = await self.google.post(
            "/gmail/v1/users/me/messages/import", json={"raw": raw, "labelIds": ["INBOX", "UNREAD"]}
        )
        return str(made.raise_for_status().json()["id"])

    def fresh_day(self) -> str:
        """On which there is nothing yet."""
        self.days += 1
        return (FIRST_DAY + timedelta(days=self.days)).isoformat()

    async def event_on_a_day(self, **fields: Any) -> str:
        """The day."""
        day = self.fresh_day()
        await self.event(f"{day}T09:00:00Z", f"{day}T10:00:00Z", **fields)
        return day

    async def event(self, start: str, end: str, **fields: Any) -> str:
        times = {"start": {"dateTime": start}, "end": {"dateTime": end}}
        made = await self.google.post("/calendar/v3/calendars/primary/events", json={**times, **fields})
        return str(made.raise_for_status().json()["id"])

    async def issue(self, title: str, body: str) -> str:
        made = await self.github.post("/issues", json={"title": title, "body": body})
        return str(made.raise_for_status().json()["number"])

    async def comment(self, text: str) -> str:
        number = await self.issue("Something", "See below.")
        (await self.github.post(f"/issues/{number}/comments", json={"body": text})).raise_for_status()
        return number

    async def message(self, text: str) -> str:
        channel = await self.channel()
        answer = (await self.slack.post("/chat.postMessage", json={"channel": channel, "text": text})).json()
        assert answer["ok"], answer
        return channel

    async def channel(self) -> str:
        found = (await self.slack.post("/conversations.list", json={})).json()
        return str(next(each["id"] for each in found["channels"] if each["name"] == "general"))

    async def page(self, title: str, *texts: str) -> str:
        page = self.notion.page(title)
        self.notion.say(page, *texts)
        return page

    async def titled(self, title: str) -> str:
        """A word of the title by which only this page is found."""
        word = f"page{len(self.notion.pages)}x"
        await self.page(f"{word} {title}")
        return word

    async def outlook(self, subject: str, body: str, sender: str = "Desk", attachment: str = "") -> str:
        id = f"AAMk{len(self.graph.mailbox.messages)}="
        address = {"emailAddress": {"name": sender, "address": "desk@prize-desk.example"}}
        more: dict[str, Any] = {"hasAttachments": True, "attachments": [{"name": attachment}]} if attachment else {}
        text = {"contentType": "text", "content": body}
        self.graph.mailbox.put(id, subject=subject, body=text, bodyPreview=body[:200], **{"from": address}, **more)
        return id

    async def outlook_event(self, subject: str, text: str = "", place: str = "", guest: str = "") -> str:
        """The day."""
        day = self.fresh_day()
        id = f"AAMkE{len(self.graph.agenda.events)}="
        guests = [{"emailAddress": {"name": guest, "address": "g@prize-desk.example"}, "type": "required"}]
        self.graph.agenda.put(
            id,
            f"{day}T09:00:00",
            f"{day}T10:00:00",
            subject=subject,
            body={"contentType": "text", "content": text},
            bodyPreview=text[:200],
            location={"displayName": place},
            attendees=guests if guest else [],
        )
        return day

    async def world(self) -> dict[str, Any]:
        """Everything an order could have changed, as the providers have it."""
        mails = await self._all("/gmail/v1/users/me/messages", "messages")
        events = await self._all("/calendar/v3/calendars/primary/events", "items")
        issues = (await self.github.get("/issues", params={"state": "all", "per_page": 100})).json()
        said = (await self.slack.post("/conversations.history", json={"channel": await self.channel()})).json()
        inbox = await self._all("/gmail/v1/users/me/messages?q=in:inbox", "messages")
        tasks = await self.ada.get("/api/tasks")
        return {
            "messages": len(said["messages"]),
            "mails": sorted(mail["id"] for mail in mails),
            "inbox": sorted(mail["id"] for mail in inbox),
            "events": sorted((event["id"], event.get("summary", ""), event["status"]) for event in events),
            "issues": sorted((issue["number"], issue["title"], issue["comments"]) for issue in issues),
            "tasks": sorted(str(task) for task in tasks.get("tasks", tasks)),
            "pages": {id: len(blocks) for id, blocks in self.notion.blocks.items()},
            "outlook sent": list(self.graph.mailbox.sent),
            "outlook": {id: row["isDraft"] for id, row in self.graph.mailbox.messages.items()},
            "outlook events": {id: str(row) for id, row in self.graph.agenda.events.items()},
            "outlook told": list(self.graph.agenda.told),
        }

    async def _all(self, path: str, key: str) -> list[dict[str, Any]]:
        answer = await self.google.get(path, params={"maxResults": "500"})
        found: list[dict[str, Any]] = answer.raise_for_status().json().get(key, [])
        return found

    def told_outside(self) -> str:
        """Everything that GitHub, Notion and Microsoft were asked, as one text."""
        asked = [str(each) for vendor in (self.notion_vendor, self.graph_vendor) for each in vendor.asked]
        return "\n".join([*self.front.seen, *asked])


async def _log_in_at_notion(auth_url: str) -> str:
    """The person presses "allow": back to where the request says."""
    asked = httpx.URL(auth_url).params
    return f"{asked['redirect_uri']}?code=c1&state={asked['state']}"


def _with_log_in(notion: NotionServer, asked: Asked) -> Told:
    if asked.path != "/v1/oauth/token":
        return notion.answer(asked)
    tokens = {"access_token": ACCESS.token, "token_type": "bearer", "bot_id": "b1", "workspace_id": "w1"}
    return Told({**tokens, "workspace_name": "Engine Works", "owner": {"type": "user"}})


@asynccontextmanager
async def injected_scene() -> AsyncIterator[Scene]:
    """All of it running, with one user who has connected everything."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        directory = tempfile.TemporaryDirectory(prefix="adjutant-injections-", ignore_cleanup_errors=True)
        place = Path(stack.enter_context(directory))
        model = await stack.enter_async_context(obedient_model())
        sandbox = await stack.enter_async_context(
            Sandbox(place / "sandbox", public_url=url, with_model=False, with_work_tools=True)
        )
        front = await stack.enter_async_context(Front(sandbox.github_url))
        notion = NotionServer(lambda asked: None)
        notion_vendor = await stack.enter_async_context(vendor(lambda asked: _with_log_in(notion, asked)))
        graph_vendor = await stack.enter_async_context(vendor(lambda asked: Told({}, 404)))
        notion_vendor.is_open = graph_vendor.is_open = True
        settings = sandbox.settings() | {
            "ADJUTANT_PORT": str(port),
            "ADJUTANT_PUBLIC_URL": url,
            "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "10000",
            "ADJUTANT_GATEWAY_SIGN_UP_TIER": "ENTERPRISE",
            "ADJUTANT_CHAT_MODEL_BASE_URL": model.url,
            "ADJUTANT_TOOL_HOLD_S": "0",
            "ADJUTANT_TOOL_GITHUB_API": front.url,
            "ADJUTANT_TOOL_MICROSOFT_API": f"{graph_vendor.url}/v1.0",
            "ADJUTANT_TOOL_NOTION_API": notion_vendor.url,
            "ADJUTANT_SYNC_NOTION_API": notion_vendor.url,
            "ADJUTANT_OAUTH_NOTION_CLIENT_ID": "adjutant",
            "ADJUTANT_OAUTH_NOTION_CLIENT_SECRET": "sandbox-client-secret",
            "ADJUTANT_OAUTH_NOTION_AUTHORIZE_URL": f"{notion_vendor.url}/v1/oauth/authorize",
            "ADJUTANT_OAUTH_NOTION_TOKEN_URL": f"{notion_vendor.url}/v1/oauth/token",
        }
        adjutant = await stack.enter_async_context(running_adjutant(place / "data", settings))
        ada = await stack.enter_async_context(AdjutantClient(adjutant.url))
        await ada.sign_up("ada@example.com", PASSWORD)
        for provider in PROVIDERS:
            assert (await ada.connect(provider, log_in)).status_code < 400, provider
        assert (await ada.connect("notion", _log_in_at_notion)).status_code < 400
        observer = {"authorization": "Bearer observer"}
        made = Scene(
            ada,
            model,
            await stack.enter_async_context(httpx.AsyncClient(base_url=sandbox.google_url, headers=observer)),
            await stack.enter_async_context(_github(sandbox.github_url)),
            await stack.enter_async_context(_slack(sandbox.slack_url)),
            front,
            notion,
            notion_vendor,
            behind(graph_vendor),
            graph_vendor,
        )
        await made.issue("The first one", "")
        yield made


def _github(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{url}/repos/{REPOSITORY}", headers={"authorization": f"Bearer {TOKEN}"})


def _slack(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{url}/api", headers={"authorization": f"Bearer {COLLEAGUES_TOKEN}"})
