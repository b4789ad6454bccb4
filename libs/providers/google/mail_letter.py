"""A mail of ours as RFC 5322 wants it: no header can be smuggled in, and it carries the execution that wrote it.

Two marks, because Gmail may replace a Message-ID by one of its own (people report both): the Message-ID follows from
the execution id, and a header of ours repeats it.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

MARK = "X-Adjutant-Execution"
MAX_REFERENCES = 20
_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f-\U0010ffff]{3,900}>")
_ANSWER = re.compile(r"^\s*re\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """The mail that is answered: where the answer belongs. Subject and ids are an outsider's text."""

    thread_id: str
    message_id: str
    references: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What to write. Addresses are plain, and ASCII; without a subject it takes that of what it answers."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str | None
    body: str
    execution_id: str
    answers: Answered | None = None

    @property
    def shown_subject(self) -> str:
        """The subject it goes out with. Gmail keeps an answer in its thread only under the same subject."""
        if self.subject is not None or self.answers is None:
            return self.subject or ""
        known = self.answers.subject
        return known if _ANSWER.match(known) else f"Re: {known}"


def message_id(execution_id: str) -> str:
    """The Message-ID of the mail that this execution writes."""
    return f"<{execution_id}@adjutant.invalid>"


def message_ids(header: str) -> tuple[str, ...]:
    """The ids in a Message-ID, In-Reply-To or References header; what is none is dropped."""
    return tuple(_MESSAGE_ID.findall(header))


def raw(letter: Letter) -> str:
    """The mail as Gmail takes it: base64url of the whole. From and Date are for Gmail to set."""
    mail = EmailMessage(policy=_POLICY)
    for name, addresses in (("To", letter.to), ("Cc", letter.cc)):
        if addresses:
            mail[name] = ", ".join(addresses)
    mail["Subject"] = "".join(each if each.isprintable() else " " for each in letter.shown_subject)
    mail["Message-ID"] = message_id(letter.execution_id)
    mail[MARK] = letter.execution_id
    if letter.answers and letter.answers.message_id:
        mail["In-Reply-To"] = letter.answers.message_id
        mail["References"] = " ".join(_chain(letter.answers))
    mail.set_content(letter.body)
    return base64.urlsafe_b64encode(mail.as_bytes()).decode()


def _chain(answers: Answered) -> Sequence[str]:
    """RFC 5322 section 3.6.4: the parent's references and the parent; of a very long thread its first and its last."""
    chain = tuple(dict.fromkeys((*answers.references, answers.message_id)))
    return chain if len(chain) <= MAX_REFERENCES else (chain[0], *chain[1 - MAX_REFERENCES :])


class _MessageIds(UnstructuredHeader, BaseHeader):
    """Ids, one a line. Python's own folding writes one of more than 77 characters as an encoded word, which no mail
    program understands there."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {f'{policy.linesep} '.join(str(self).split())}{policy.linesep}"


def _policy() -> Policy:
    registry = HeaderRegistry()
    for name in ("in-reply-to", "references"):
        registry.map_to_type(name, _MessageIds)
    return SMTP.clone(header_factory=registry)


_POLICY = _policy()
