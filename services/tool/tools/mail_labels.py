"""Sorting mail in Gmail: labels, archiving, read and unread. Nothing is deleted or moved to where it gets lost."""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from contracts.tool import Effect
from libs.providers.google.mail_actions import GmailActions, Label
from services.tool.arguments import Arguments, Title
from services.tool.context import Context
from services.tool.errors import InvalidArguments
from services.tool.permissions import needing
from services.tool.registry import Tool
from services.tool.tools.mail import PROVIDER, shown_mail
from services.tool.tools.mail_writing import MailId
from services.tool.tools.names import Names

INBOX, UNREAD = "INBOX", "UNREAD"
OF_GMAIL = frozenset({"STARRED", "IMPORTANT"})
"""Of Gmail's own labels those that may be given and taken by name; the others have a meaning of their own."""
MAX_NAMED = 30

Labels = Annotated[tuple[Title, ...], Field(max_length=10)]


class MailLabel(Arguments):
    """What to change; what is not given stays as it is."""

    message_id: MailId = Field(description="The id of a mail that mail_search found")
    add: Labels = Field(default=(), description="Names of labels to give it: the user's own, STARRED or IMPORTANT")
    remove: Labels = Field(default=(), description="Names of labels to take from it")
    archive: bool | None = Field(default=None, description="true: out of the inbox; false: back into the inbox")
    read: bool | None = Field(default=None, description="true: mark as read; false: mark as unread")

    @model_validator(mode="after")
    def _changes_something(self) -> "MailLabel":
        if not (self.add or self.remove) and self.archive is None and self.read is None:
            raise ValueError("nothing to change was given")
        if {name.lower() for name in self.add} & {name.lower() for name in self.remove}:
            raise ValueError("a label cannot be added and removed at once")
        return self


class LabelledMail(BaseModel):
    """The mail as it is sorted now."""

    message_id: str
    labels: list[str]
    in_inbox: bool
    unread: bool


async def mail_label(arguments: MailLabel, context: Context) -> LabelledMail:
    """Sort it. Gmail takes the same change twice as once."""

    async def change(token: str) -> LabelledMail:
        gmail, known = GmailActions(context.gmail), await _known(arguments, token, context)
        add, remove = _wished(arguments, known)
        kept = await gmail.relabel(token, arguments.message_id, add, remove, timeout_s=context.timeout_s)
        return _labelled(arguments.message_id, kept, known)

    with needing(PROVIDER, "organize"):
        return await context.access.use(PROVIDER, change)


async def find_labelled(arguments: MailLabel, context: Context) -> LabelledMail | None:
    """The mail, if it is sorted as `mail_label` was to sort it."""

    async def look(token: str) -> LabelledMail | None:
        gmail, known = GmailActions(context.gmail), await _known(arguments, token, context)
        has = await gmail.labels_of(token, arguments.message_id, timeout_s=context.timeout_s)
        add, remove = _wished(arguments, known)
        return _labelled(arguments.message_id, has, known) if add <= has and not remove & has else None

    return await context.access.use(PROVIDER, look)


async def shown_labelled(arguments: MailLabel, context: Context) -> Names:
    """Which mail is sorted."""
    return await shown_mail(arguments.message_id, context)


async def _known(arguments: MailLabel, token: str, context: Context) -> tuple[Label, ...]:
    return await GmailActions(context.gmail).labels(token, timeout_s=context.timeout_s)


def _wished(arguments: MailLabel, known: tuple[Label, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The ids to add and to remove. Raises InvalidArguments for a label there is not."""
    add = {_id(name, known) for name in arguments.add}
    remove = {_id(name, known) for name in arguments.remove}
    for wish, label in ((arguments.archive, INBOX), (arguments.read, UNREAD)):
        if wish is not None:
            (remove if wish else add).add(label)
    return frozenset(add), frozenset(remove)


def _id(name: str, known: tuple[Label, ...]) -> str:
    """Names differ by more than their case, as Gmail holds it."""
    nameable = [label for label in known if label.is_users or label.id in OF_GMAIL]
    for label in nameable:
        if label.name.lower() == name.lower():
            return label.id
    names = ", ".join(label.name for label in nameable[:MAX_NAMED])
    more = " and more" if len(nameable) > MAX_NAMED else ""
    raise InvalidArguments(f"mail_label: there is no such label to give or take. There are: {names}{more}.")


def _labelled(message_id: str, has: frozenset[str], known: tuple[Label, ...]) -> LabelledMail:
    names = sorted(label.name for label in known if label.id in has and (label.is_users or label.id in OF_GMAIL))
    return LabelledMail(message_id=message_id, labels=names, in_inbox=INBOX in has, unread=UNREAD in has)


MAIL_LABEL_TOOLS = (
    Tool(
        name="mail_label",
        description="Sort a mail in the user's Gmail: add and remove labels, archive it, mark it as read or unread.",
        effect=Effect.WRITE,
        arguments=MailLabel,
        run=mail_label,
        look_up=find_labelled,
        shown=shown_labelled,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)
