"""A mail of ours as RFC 5322 wants it: no header can be smuggled in, and it carries the execution that wrote it.

Two marks, because Gmail may replace a Message-ID by one of its own (people report both): the Message-ID follows from
the execution id, and a header of ours repeats it.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, Policy
from typing import Any

MARK = "X-Adjutant-Execution"
MAX_REFERENCES = 20
PLAIN_SUBJECT = 200
"""A subject of so many plain characters needs no second line; RFC 5322 allows lines of 998."""
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


class _Verbatim(BaseHeader):
    """Written as it is given, one word a line.

    Python's own headers decode the encoded words (RFC 2047) in what they are given and write out the line breaks that
    were hidden in them, so that a subject can smuggle a Bcc in; and they write a long Message-ID as an encoded word.
    """

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"], kwds["decoded"] = None, value

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {f'{policy.linesep} '.join(self.split())}{policy.linesep}"


class _Subject(_Verbatim):
    """Words as they are where they are plain, else encoded as a whole, so that a reader decodes them exactly once."""

    def fold(self, *, policy: Policy) -> str:
        is_plain = self.isascii() and self.isprintable() and "=?" not in self and len(self) <= PLAIN_SUBJECT
        shown = self if is_plain else Header(self, "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {shown}{policy.linesep}"


def _policy() -> Policy:
    registry = HeaderRegistry()
    registry.map_to_type("subject", _Subject)
    for name in ("to", "cc", "message-id", MARK.lower(), "in-reply-to", "references"):
        registry.map_to_type(name, _Verbatim)
    return SMTP.clone(header_factory=registry)


_POLICY = _policy()
