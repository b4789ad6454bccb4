"""The emulated Google's own view of mail and calendar, past everything of ours: what a test holds answers against."""

from datetime import UTC, datetime
from typing import Any

import httpx

TOKEN = {"Authorization": "Bearer sandbox-observer"}
"""The emulator takes any token and then means its first user."""
TIMEOUT_S = 10.0
MAX_PAGES = 100


async def calendar_events(google_url: str) -> list[dict[str, Any]]:
    """Every event of the primary calendar."""
    async with _client(google_url) as http:
        return await _all(http, "/calendar/v3/calendars/primary/events", "items", 250)


async def mails(google_url: str) -> list[dict[str, Any]]:
    """Every mail, newest first."""
    async with _client(google_url) as http:
        found = await _all(http, "/gmail/v1/users/me/messages", "messages", 100)
        each = [(await http.get(f"/gmail/v1/users/me/messages/{one['id']}")).raise_for_status() for one in found]
    return sorted((_mail(answer.json()) for answer in each), key=lambda mail: str(mail["date"]), reverse=True)


def _client(google_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=google_url, headers=TOKEN, timeout=TIMEOUT_S)


async def _all(http: httpx.AsyncClient, path: str, key: str, page_size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page: dict[str, str | int] = {"maxResults": page_size}
    for _ in range(MAX_PAGES):
        answer = (await http.get(path, params=page)).raise_for_status().json()
        found += answer.get(key, ())
        if not (following := answer.get("nextPageToken")):
            return found
        page["pageToken"] = following
    raise RuntimeError(f"{path} has more than {MAX_PAGES} pages")


def _mail(message: dict[str, Any]) -> dict[str, Any]:
    headers = {header["name"].lower(): header["value"] for header in message["payload"]["headers"]}
    received = datetime.fromtimestamp(int(message["internalDate"]) / 1000, UTC)
    return {
        "id": message["id"],
        "subject": headers["subject"],
        "from": headers["from"],
        "unread": "UNREAD" in message.get("labelIds", ()),
        "date": received.isoformat(timespec="milliseconds"),
    }
