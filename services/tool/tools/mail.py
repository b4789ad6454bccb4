"""Searching and reading mail. Everything in a result but ids and times was written by outsiders."""

import re
from datetime import datetime

from pydantic import BaseModel, Field

from contracts.tool import Effect
from libs.providers.errors import EntityNotFound
from libs.providers.google.gmail import Address, MailSummary
from services.tool import times
from services.tool.arguments import Arguments, TimeText, Words, bounded
from services.tool.context import Context
from services.tool.errors import InvalidArguments
from services.tool.registry import Tool
from services.tool.tools.names import Names, named_mail

PROVIDER = "gmail"
MAX_PAGES = 3
_SENDER_WORD = re.compile(r"[\w.@+'-]+")
_MAIL_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_OWN_MAILBOX_WISHED = re.compile(r"\b(?:in|label|from:me|is:sent)\b:?", re.IGNORECASE)


class MailSearch(Arguments):
    """What to look for; all given conditions must hold."""

    query: Words | None = Field(default=None, description="Words, or Gmail search operators such as subject:invoice")
    sender: Words | None = Field(default=None, description="Name or address of the sender")
    day: TimeText | None = Field(
        default=None, description="Only mail received on this day: today, yesterday or a date like 2026-11-24"
    )
    unread: bool | None = Field(default=None, description="true: only unread mail; false: only read mail")
    limit: int = bounded(10, 1, 25, "At most so many mails, newest first")


class MailRead(Arguments):
    """Which mail."""

    message_id: Words = Field(description="The id of a mail that mail_search found")


class Person(BaseModel):
    """A name as written in a mail, and the address."""

    name: str
    address: str


class FoundMail(BaseModel):
    """A mail without its body."""

    id: str
    sender: Person = Field(serialization_alias="from")
    to: list[Person]
    subject: str
    snippet: str
    received_at: str
    unread: bool


class FoundMails(BaseModel):
    """Newest first; `more` says that the limit left some out."""

    mails: list[FoundMail]
    more: bool


class ReadMail(FoundMail):
    """A mail with its text; `truncated` when the text was longer than what is here."""

    cc: list[Person]
    body: str
    truncated: bool
    attachments: list[str]


async def mail_search(arguments: MailSearch, context: Context) -> FoundMails:
    """Drafts and mails the user sent are left out, unless the query asks for a mailbox itself."""
    window = _window(arguments.day, context)
    query = gmail_query(arguments, window)
    keeps_own = bool(arguments.query and _OWN_MAILBOX_WISHED.search(arguments.query))

    def wanted(mail: MailSummary) -> bool:
        inside = window is None or window[0] <= mail.received_at < window[1]
        return inside and (keeps_own or not mail.labels & {"SENT", "DRAFT"})

    async def search(token: str) -> FoundMails:
        found: list[MailSummary] = []
        page: str | None = None
        for _ in range(MAX_PAGES):
            ids = await context.gmail.find(token, query, arguments.limit, page=page, timeout_s=context.timeout_s)
            mails = await context.gmail.summaries(token, ids.ids, timeout_s=context.timeout_s)
            found += [mail for mail in mails if wanted(mail)]
            page = ids.next_page
            if page is None or len(found) >= arguments.limit:
                break
        kept = [_found(mail, context) for mail in found[: arguments.limit]]
        return FoundMails(mails=kept, more=page is not None or len(found) > arguments.limit)

    return await context.access.use(PROVIDER, search)


async def mail_read(arguments: MailRead, context: Context) -> ReadMail:
    """One mail in full."""
    if not _MAIL_ID.match(arguments.message_id):
        raise InvalidArguments("mail_read: message_id is not the id of a mail; take one from mail_search.")
    mail = await context.access.use(
        PROVIDER, lambda token: context.gmail.read(token, arguments.message_id, timeout_s=context.timeout_s)
    )
    return ReadMail(
        **_found(mail.summary, context).model_dump(),
        cc=[_person(address) for address in mail.summary.cc],
        body=mail.body,
        truncated=mail.is_truncated,
        attachments=list(mail.attachments),
    )


async def shown_mail(message_id: str, context: Context) -> Names:
    """Which mail it is. Raises EntityNotFound."""
    found = await context.access.use(
        PROVIDER, lambda token: context.gmail.summaries(token, (message_id,), timeout_s=context.timeout_s)
    )
    if not found:
        raise EntityNotFound("There is no such mail.")
    return named_mail(found[0].subject, found[0].sender.name, found[0].sender.address)


def gmail_query(arguments: MailSearch, window: tuple[datetime, datetime] | None) -> str:
    """The conditions in Gmail's search language.

    Days become epoch seconds, because Gmail reads dates in its own timezone; a second early, because servers
    differ in whether `after` includes its moment, so the caller compares exactly.
    """
    parts = [arguments.query] if arguments.query else []
    if arguments.sender:
        parts += [f"from:{word}" for word in _SENDER_WORD.findall(arguments.sender)]
    if arguments.unread is not None:
        parts.append("is:unread" if arguments.unread else "is:read")
    if window:
        parts += [f"after:{int(window[0].timestamp()) - 1}", f"before:{int(window[1].timestamp())}"]
    return " ".join(parts)


def _window(day: str | None, context: Context) -> tuple[datetime, datetime] | None:
    if day is None:
        return None
    return times.day_bounds(times.day(day, context.tz, context.now), context.tz)


def _found(mail: MailSummary, context: Context) -> FoundMail:
    return FoundMail(
        id=mail.id,
        sender=_person(mail.sender),
        to=[_person(address) for address in mail.to[:10]],
        subject=mail.subject,
        snippet=mail.snippet,
        received_at=mail.received_at.astimezone(context.tz).isoformat(timespec="seconds"),
        unread=mail.is_unread,
    )


def _person(address: Address) -> Person:
    return Person(name=address.name, address=address.address)


MAIL_TOOLS = (
    Tool(
        name="mail_search",
        description="Find mails in the user's mailbox, newest first: sender, subject, snippet, time, read or unread.",
        effect=Effect.READ,
        arguments=MailSearch,
        run=mail_search,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="mail_read",
        description="Read one mail in full by the id that mail_search gave.",
        effect=Effect.READ,
        arguments=MailRead,
        run=mail_read,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
