"""Writing a draft and sending a mail, and finding out whether that was done.

A mail is sent in two steps, because `sendMail` takes no key and answers with no id: a draft that carries the execution
id is made, then sent. An immutable id stays when the draft becomes a sent mail, so a second `send` of the same draft
finds nothing to send, and a draft that was left behind is taken up again instead of writing another.

Sources: Microsoft Graph's documentation, "Create message", "message: createReply", "Update message", "message: send",
"Get immutable identifiers for Outlook resources", "Create singleValueLegacyExtendedProperty" (also by an update).
"""

from dataclasses import dataclass
from typing import Any

from libs.providers.errors import EntityExists, EntityNotFound, RequestRefused
from libs.providers.microsoft.api import execution_property, found_rows, made_by
from libs.providers.microsoft.mailbox import OutlookMessage, folder_id, read_message
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

_FIELDS = "id,subject,from,toRecipients,ccRecipients,receivedDateTime,isRead,isDraft,parentFolderId,webLink"


@dataclass(frozen=True, slots=True)
class NewMail:
    """What to write; with `answers` it belongs to the thread of that message, its recipients are still these."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str | None
    body: str
    answers: str | None
    execution_id: str


class OutlookMailActions:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def draft(self, token: str, mail: NewMail, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> OutlookMessage:
        """A draft in the folder for drafts. Raises EntityNotFound when what it answers is gone."""
        message: dict[str, Any] = {
            "body": {"contentType": "text", "content": mail.body},
            "toRecipients": [{"emailAddress": {"address": address}} for address in mail.to],
            "ccRecipients": [{"emailAddress": {"address": address}} for address in mail.cc],
            "singleValueExtendedProperties": execution_property(mail.execution_id),
        }
        message |= {"subject": mail.subject} if mail.subject else {}
        access = Access(token, "")
        if mail.answers is None:
            answer = await self._api.send("POST", "/me/messages", access, json=message, timeout_s=timeout_s)
            return read_message(answer.content)
        route, path = "/me/messages/{id}/createReply", {"id": mail.answers}
        answer = await self._api.send("POST", route, access, path=path, json={"message": message}, timeout_s=timeout_s)
        draft = read_message(answer.content)
        # Microsoft does not say whether an answer takes properties of ours at once; a draft does.
        marked = {"singleValueExtendedProperties": message["singleValueExtendedProperties"]}
        route, path = "/me/messages/{id}", {"id": draft.id}
        await self._api.send("PATCH", route, access, path=path, json=marked, timeout_s=timeout_s)
        return draft

    async def send(self, token: str, mail: NewMail, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> OutlookMessage:
        """The mail that was sent. What an earlier try of the same execution left is taken up."""
        message = await self.find(token, mail.execution_id, timeout_s=timeout_s)
        if message is None:
            message = await self.draft(token, mail, timeout_s=timeout_s)
        elif await self._is_sent(token, message, timeout_s):
            return message
        path = {"id": message.id}
        try:
            await self._api.send("POST", "/me/messages/{id}/send", Access(token, ""), path=path, timeout_s=timeout_s)
        except (EntityNotFound, EntityExists, RequestRefused):
            # An earlier `send` that nobody heard of may have been carried out a moment ago.
            sent = await self.find_sent(token, mail.execution_id, timeout_s=timeout_s)
            if sent is None:
                raise
            return sent
        return message

    async def find(
        self, token: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> OutlookMessage | None:
        """What this execution wrote, whether sent or not."""
        given = {"$filter": made_by(execution_id), "$select": _FIELDS, "$top": "2"}
        answer = await self._api.send("GET", "/me/messages", Access(token, ""), params=given, timeout_s=timeout_s)
        found = [read_message(row) for row in found_rows(answer.content)]
        return next(iter(sorted(found, key=lambda message: message.is_draft)), None)

    async def find_sent(
        self, token: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> OutlookMessage | None:
        """The mail that this execution sent, or is sending."""
        found = await self.find(token, execution_id, timeout_s=timeout_s)
        return found if found is not None and await self._is_sent(token, found, timeout_s) else None

    async def _is_sent(self, token: str, message: OutlookMessage, timeout_s: float) -> bool:
        """A message on its way lies in the outbox and still counts as a draft."""
        return not message.is_draft or message.folder == await folder_id(self._api, token, "outbox", timeout_s)
