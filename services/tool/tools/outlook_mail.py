"""Outlook mail: searching, reading, drafting and sending. What is read but ids and times was written by outsiders."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, model_validator

from contracts.tool import Effect
from libs.providers.microsoft.mail_actions import NewMail
from libs.providers.microsoft.mailbox import Correspondent, MailWanted, OutlookMessage
from services.tool import times
from services.tool.arguments import Arguments, EmailAddress, SomeProse, TimeText, Title, Words, bounded
from services.tool.context import Context
from services.tool.permissions import needing
from services.tool.registry import Tool
from services.tool.tools.mail import FoundMail, FoundMails, Person, ReadMail
from services.tool.tools.names import Names, named_mail

PROVIDER = "outlook_mail"


MessageId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_=+/-]{1,400}$")]
Recipients = Annotated[tuple[EmailAddress, ...], Field(max_length=50)]
_ID = "The id of a mail that outlook_mail_search found"
_REPLY = f"To answer a mail within its thread. {_ID}"


class OutlookMailSearch(Arguments):
    """What to look for; all given conditions must hold."""

    query: Words | None = Field(default=None, description="Words, or Outlook search such as subject:invoice")
    sender: Words | None = Field(default=None, description="Name or address of the sender")
    day: TimeText | None = Field(
        default=None, description="Only mail received on this day: today, yesterday or a date like 2026-11-24"
    )
    unread: bool | None = Field(default=None, description="true: only unread mail; false: only read mail")
    limit: int = bounded(10, 1, 25, "At most so many mails, newest first")


class OutlookMailRead(Arguments):
    """Which mail."""

    message_id: MessageId = Field(description=_ID)


class _Letter(Arguments):
    cc: Recipients = Field(default=(), description="E-mail addresses for a copy")
    subject: Title | None = Field(default=None, description="The subject; may be left out for an answer")
    body: SomeProse = Field(description="The text, without HTML")
    reply_to_message_id: MessageId | None = Field(default=None, description=_REPLY)

    @model_validator(mode="after")
    def _has_a_subject(self) -> "_Letter":
        if self.subject is None and self.reply_to_message_id is None:
            raise ValueError("subject is missing; only an answer takes the subject of what it answers")
        return self


class OutlookMailDraft(_Letter):
    """The draft to write."""

    to: Recipients = Field(default=(), description="E-mail addresses of the recipients, as far as they are known")


class OutlookMailSend(_Letter):
    """The mail to send."""

    to: Annotated[Recipients, Field(min_length=1)] = Field(description="E-mail addresses of the recipients")


class WrittenMail(BaseModel):
    """A draft or a sent mail, with the addresses it has."""

    message_id: str
    to: list[str]
    cc: list[str]
    subject: str
    link: str


async def outlook_mail_search(arguments: OutlookMailSearch, context: Context) -> FoundMails:
    """Drafts, mails the user sent, and what lies in the folders for deleted and junk are left out."""
    wanted = MailWanted(
        words=arguments.query,
        sender=arguments.sender,
        window=_window(arguments.day, context),
        unread=arguments.unread,
        limit=arguments.limit,
    )
    found, more = await context.access.use(
        PROVIDER, lambda token: context.work.outlook_mail.find(token, wanted, timeout_s=context.timeout_s)
    )
    return FoundMails(mails=[_found(message, context) for message in found], more=more)


async def outlook_mail_read(arguments: OutlookMailRead, context: Context) -> ReadMail:
    """One mail in full."""
    full = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_mail.read(token, arguments.message_id, timeout_s=context.timeout_s),
    )
    return ReadMail(
        **_found(full.message, context).model_dump(),
        cc=[_person(each) for each in full.message.cc],
        body=full.body,
        truncated=full.is_truncated,
        attachments=list(full.attachments),
    )


async def outlook_mail_draft(arguments: OutlookMailDraft, context: Context) -> WrittenMail:
    """A draft that the user can find in Outlook; once per execution id."""
    mail = _new(arguments, arguments.to, context)
    with needing(PROVIDER, "organize"):
        written = await context.access.use(
            PROVIDER, lambda token: context.work.outlook_mail_actions.draft(token, mail, timeout_s=context.timeout_s)
        )
    return _written(written)


async def find_outlook_draft(arguments: OutlookMailDraft, context: Context) -> WrittenMail | None:
    """What `outlook_mail_draft` achieved earlier under this execution id, also when the user has sent it since."""
    found = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_mail_actions.find(token, context.effect_id, timeout_s=context.timeout_s),
    )
    return _written(found) if found else None


async def outlook_mail_send(arguments: OutlookMailSend, context: Context) -> WrittenMail:
    """Send it; once per execution id."""
    mail = _new(arguments, arguments.to, context)
    with needing(PROVIDER, "send"):
        sent = await context.access.use(
            PROVIDER, lambda token: context.work.outlook_mail_actions.send(token, mail, timeout_s=context.timeout_s)
        )
    return _written(sent)


async def shown_answered(arguments: OutlookMailSend | OutlookMailDraft, context: Context) -> Names:
    """Which mail is answered, if one is."""
    answered = arguments.reply_to_message_id
    if answered is None:
        return ()
    message = await context.access.use(
        PROVIDER, lambda token: context.work.outlook_mail.summary(token, answered, timeout_s=context.timeout_s)
    )
    return named_mail(message.subject, message.sender.name, message.sender.address)


async def find_outlook_mail(arguments: OutlookMailSend, context: Context) -> WrittenMail | None:
    """What `outlook_mail_send` achieved earlier under this execution id; a draft that was not sent is nothing yet."""
    found = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_mail_actions.find_sent(
            token, context.effect_id, timeout_s=context.timeout_s
        ),
    )
    return _written(found) if found else None


def _new(arguments: _Letter, to: tuple[str, ...], context: Context) -> NewMail:
    return NewMail(
        to=tuple({address.lower(): address for address in to}.values()),
        cc=tuple({address.lower(): address for address in arguments.cc}.values()),
        subject=arguments.subject,
        body=arguments.body,
        answers=arguments.reply_to_message_id,
        execution_id=context.effect_id,
    )


def _window(day: str | None, context: Context) -> tuple[datetime, datetime] | None:
    if day is None:
        return None
    return times.day_bounds(times.day(day, context.tz, context.now), context.tz)


def _found(message: OutlookMessage, context: Context) -> FoundMail:
    return FoundMail(
        id=message.id,
        sender=_person(message.sender),
        to=[_person(each) for each in message.to[:10]],
        subject=message.subject,
        snippet=message.preview,
        received_at=message.received_at.astimezone(context.tz).isoformat(timespec="seconds"),
        unread=message.is_unread,
    )


def _person(each: Correspondent) -> Person:
    return Person(name=each.name, address=each.address)


def _written(message: OutlookMessage) -> WrittenMail:
    return WrittenMail(
        message_id=message.id,
        to=[each.address for each in message.to],
        cc=[each.address for each in message.cc],
        subject=message.subject,
        link=message.link,
    )


OUTLOOK_MAIL_TOOLS = (
    Tool(
        name="outlook_mail_search",
        description="Find mails in the user's Outlook mailbox, newest first: sender, subject, snippet, time, unread.",
        effect=Effect.READ,
        arguments=OutlookMailSearch,
        run=outlook_mail_search,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="outlook_mail_read",
        description="Read one Outlook mail in full by the id that outlook_mail_search gave.",
        effect=Effect.READ,
        arguments=OutlookMailRead,
        run=outlook_mail_read,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="outlook_mail_draft",
        description="Write a draft into the user's Outlook mailbox, which the user can look at, change and send.",
        effect=Effect.DRAFT,
        arguments=OutlookMailDraft,
        run=outlook_mail_draft,
        look_up=find_outlook_draft,
        shown=shown_answered,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="outlook_mail_send",
        description="Send a mail from the user's Outlook mailbox, or answer one within its thread.",
        effect=Effect.SEND,
        arguments=OutlookMailSend,
        run=outlook_mail_send,
        look_up=find_outlook_mail,
        shown=shown_answered,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
