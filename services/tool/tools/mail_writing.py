"""Drafting, sending and answering mail in Gmail. Whoever gets a mail is named in the arguments, also of an answer."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.tool import Effect
from libs.providers.google.gmail import MailSummary
from libs.providers.google.mail_actions import DRAFT, SENT, GmailActions, Written
from libs.providers.google.mail_letter import Answered, Letter
from services.tool.arguments import Arguments, EmailAddress, SomeProse, Title
from services.tool.context import Context
from services.tool.permissions import needing
from services.tool.registry import Tool
from services.tool.tools.mail import PROVIDER, shown_mail
from services.tool.tools.names import Names
from services.tool.tools.outlook_mail import WrittenMail

_LINK = "https://mail.google.com/mail/#all/"


def _plain(address: str) -> str:
    if not address.isascii() or "=?" in address:
        raise ValueError("must be written in ASCII as it is, also behind the @ (xn--…)")
    return address


MailId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Recipients = Annotated[tuple[Annotated[EmailAddress, AfterValidator(_plain)], ...], Field(max_length=50)]
_ID = "The id of a mail that mail_search found"
_TO, _CC, _BODY = "E-mail addresses of the recipients", "E-mail addresses for a copy", "The text, without HTML"


class MailSend(Arguments):
    """The mail to send."""

    to: Annotated[Recipients, Field(min_length=1)] = Field(description=_TO)
    cc: Recipients = Field(default=(), description=_CC)
    subject: Title = Field(description="The subject")
    body: SomeProse = Field(description=_BODY)


class MailReply(Arguments):
    """The answer to send."""

    message_id: MailId = Field(description=f"The mail that is answered. {_ID}")
    to: Annotated[Recipients, Field(min_length=1)] = Field(
        description=f"{_TO}: whom the user wants to answer, usually the sender of that mail"
    )
    cc: Recipients = Field(default=(), description=_CC)
    body: SomeProse = Field(description=f"{_BODY}, and without quoting the mail")


class MailDraft(Arguments):
    """The draft to write."""

    to: Recipients = Field(default=(), description=f"{_TO}, as far as they are known")
    cc: Recipients = Field(default=(), description=_CC)
    subject: Title | None = Field(default=None, description="The subject; may be left out for an answer")
    body: SomeProse = Field(description=_BODY)
    reply_to_message_id: MailId | None = Field(default=None, description=f"To answer a mail within its thread. {_ID}")

    @model_validator(mode="after")
    def _has_a_subject(self) -> "MailDraft":
        if self.subject is None and self.reply_to_message_id is None:
            raise ValueError("subject is missing; only an answer takes the subject of what it answers")
        return self


async def mail_send(arguments: MailSend, context: Context) -> WrittenMail:
    """Send it; once per execution id."""
    letter = _letter(arguments.to, arguments.cc, arguments.subject, arguments.body, context)
    return await _send(letter, context)


async def mail_reply(arguments: MailReply, context: Context) -> WrittenMail:
    """Send it within the thread of what it answers; once per execution id."""
    answers = await _answered(arguments.message_id, context)
    return await _send(_letter(arguments.to, arguments.cc, None, arguments.body, context, answers), context)


async def find_sent_mail(arguments: MailSend | MailReply, context: Context) -> WrittenMail | None:
    """What `mail_send` or `mail_reply` achieved earlier under this execution id."""
    return await _find((SENT,), context)


async def shown_answered(arguments: MailReply | MailDraft, context: Context) -> Names:
    """Which mail is answered, if one is."""
    answered = arguments.message_id if isinstance(arguments, MailReply) else arguments.reply_to_message_id
    return await shown_mail(answered, context) if answered else ()


async def mail_draft(arguments: MailDraft, context: Context) -> WrittenMail:
    """A draft that the user finds in Gmail; once per execution id."""
    answers = await _answered(arguments.reply_to_message_id, context) if arguments.reply_to_message_id else None
    letter = _letter(arguments.to, arguments.cc, arguments.subject, arguments.body, context, answers)
    with needing(PROVIDER, "draft"):
        made = await context.access.use(
            PROVIDER, lambda token: GmailActions(context.gmail).draft(token, letter, timeout_s=context.timeout_s)
        )
    return _written(made, letter)


async def find_draft(arguments: MailDraft, context: Context) -> WrittenMail | None:
    """What `mail_draft` achieved earlier under this execution id, also when the user has sent it since."""
    return await _find((DRAFT, SENT), context)


async def _answered(message_id: str, context: Context) -> Answered:
    return await context.access.use(
        PROVIDER, lambda token: GmailActions(context.gmail).answered(token, message_id, timeout_s=context.timeout_s)
    )


async def _send(letter: Letter, context: Context) -> WrittenMail:
    with needing(PROVIDER, "send"):
        sent = await context.access.use(
            PROVIDER, lambda token: GmailActions(context.gmail).send(token, letter, timeout_s=context.timeout_s)
        )
    return _written(sent, letter)


async def _find(folders: tuple[str, ...], context: Context) -> WrittenMail | None:
    found = await context.access.use(
        PROVIDER,
        lambda token: GmailActions(context.gmail).find_written(
            token, context.effect_id, folders, timeout_s=context.timeout_s
        ),
    )
    return _seen(found) if found else None


def _letter(
    to: tuple[str, ...],
    cc: tuple[str, ...],
    subject: str | None,
    body: str,
    context: Context,
    answers: Answered | None = None,
) -> Letter:
    return Letter(_distinct(to), _distinct(cc), subject, body, context.effect_id, answers)


def _distinct(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({address.lower(): address for address in addresses}.values())


def _written(written: Written, letter: Letter) -> WrittenMail:
    return WrittenMail(
        message_id=written.id,
        to=list(letter.to),
        cc=list(letter.cc),
        subject=letter.shown_subject,
        link=f"{_LINK}{written.id}",
    )


def _seen(mail: MailSummary) -> WrittenMail:
    return WrittenMail(
        message_id=mail.id,
        to=[each.address for each in mail.to],
        cc=[each.address for each in mail.cc],
        subject=mail.subject,
        link=f"{_LINK}{mail.id}",
    )


MAIL_WRITING_TOOLS = (
    Tool(
        name="mail_draft",
        description="Write a draft into the user's Gmail, which the user can look at, change and send.",
        effect=Effect.DRAFT,
        arguments=MailDraft,
        run=mail_draft,
        look_up=find_draft,
        shown=shown_answered,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="mail_send",
        description="Send a new mail from the user's Gmail. To answer a mail use mail_reply.",
        effect=Effect.SEND,
        arguments=MailSend,
        run=mail_send,
        look_up=find_sent_mail,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
    Tool(
        name="mail_reply",
        description="Answer a mail in the user's Gmail within its thread and under its subject.",
        effect=Effect.SEND,
        arguments=MailReply,
        run=mail_reply,
        look_up=find_sent_mail,
        shown=shown_answered,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
