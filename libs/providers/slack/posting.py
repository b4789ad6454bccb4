"""Writing a message, and finding out whether that was done.

Slack has no documented key that would make a second request harmless, so a message carries the execution id in its
metadata: nobody sees it in the channel, and `include_all_metadata` shows it again. Sources: Slack's documentation,
"Message metadata"; the reference of `chat.postMessage`, `conversations.history` and `conversations.replies`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.providers.answers import reading, records
from libs.providers.errors import ProviderUnavailable
from libs.providers.rest import Access, RestApi
from libs.providers.slack.api import following, pages
from libs.providers.slack.wording import escaped
from libs.providers.wire import DEFAULT_TIMEOUT_S

EVENT = "adjutant_message"
PAGE_SIZE = 100
MAX_PAGES = 10
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far Slack's clock may be from the one that noted when something was asked for."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What to write, and where; `thread` is the `ts` of the message that is answered."""

    channel: str
    text: str
    thread: str | None
    execution_id: str


class SlackPosting:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def post(self, token: str, message: NewMessage, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> str:
        """Its `ts`. Raises EntityNotFound, PermissionMissing."""
        body: dict[str, Any] = {
            "channel": message.channel,
            "text": escaped(message.text),
            "metadata": {"event_type": EVENT, "event_payload": {"execution": message.execution_id}},
        }
        body |= {"thread_ts": message.thread} if message.thread else {}
        answer = await self._api.send("POST", "/chat.postMessage", Access(token, ""), json=body, timeout_s=timeout_s)
        with reading("Slack"):
            return str(answer.content["ts"])

    async def find(
        self, token: str, message: NewMessage, asked_at: datetime, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> str | None:
        """The `ts` of what `post` wrote for this execution after `asked_at`. Raises ProviderUnavailable when there are
        too many messages to tell."""
        given = {"channel": message.channel, "include_all_metadata": "true", "limit": str(PAGE_SIZE)}
        given["oldest"] = f"{(asked_at - CLOCKS_DIFFER).timestamp():.6f}"
        method = "conversations.history"
        if message.thread:
            method, given["ts"] = "conversations.replies", message.thread
        more = False
        async for content in pages(self._api, token, method, given, MAX_PAGES, timeout_s):
            for row in records("Slack", content.get("messages")):
                if _is_of(row, message.execution_id):
                    return str(row["ts"])
            more = bool(following(content))
        if more:
            raise ProviderUnavailable("Slack has more new messages than can be looked through.")
        return None


@reading("Slack")
def _is_of(row: dict[str, Any], execution_id: str) -> bool:
    metadata = row.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT and payload.get("execution") == execution_id
