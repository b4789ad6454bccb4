"""A mail says what it was asked to say, and nothing that was smuggled into a subject, an address or an id."""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.providers.google.mail_letter import Answered, Letter, message_ids, raw

EXECUTION = "x_0193b0f1a8c07d3e9f00112233445566"
NAMES = ["To", "Subject", "Message-ID", "X-Adjutant-Execution", "Content-Type", "Content-Transfer-Encoding"]
HIDDEN = "=?utf-8?q?=0d=0aBcc:=20evil@example.com?="


def written(**given: Any) -> EmailMessage:
    """As a mail program reads it."""
    letter = Letter(
        **{"to": ("a@example.com",), "cc": (), "subject": "s", "body": "b", "execution_id": EXECUTION} | given
    )
    mail = message_from_bytes(base64.urlsafe_b64decode(raw(letter)), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def names(mail: EmailMessage) -> list[str]:
    return [name for name in mail.keys() if name != "MIME-Version"]  # noqa: SIM118 - a mail iterates over its parts


@pytest.mark.parametrize(
    "subject",
    [
        HIDDEN,
        f"Re: {HIDDEN}",
        "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=",
        f"ü {HIDDEN}",
        "a\r\nBcc: evil@example.com",
    ],
)
def test_no_header_comes_out_of_a_subject(subject: str) -> None:
    mail = written(subject=subject)

    assert names(mail) == NAMES
    assert mail["Subject"] == subject.replace("\r\n", "  ")


def test_no_header_comes_out_of_an_address_or_an_id() -> None:
    address = "=?utf-8?q?=0d=0aBcc:=20evil?=@example.com"
    parent = Answered("t", f"<{HIDDEN}@example.com>", (), f"Well? {HIDDEN}")

    mail = written(to=(address, "b@example.com"), subject=None, answers=parent)

    assert names(mail) == [*NAMES[:4], "In-Reply-To", "References", *NAMES[4:]]
    assert base64.urlsafe_b64decode(raw(_letter(address))).count(b"\r\nBcc") == 0


def _letter(address: str) -> Letter:
    return Letter((address,), (), "s", "b", EXECUTION)


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_is_written_there_is_one_subject_and_one_body(subject: str, body: str) -> None:
    subject, body = _encodable(subject), _encodable(body)
    mail = written(subject=subject, body=body)

    assert names(mail) == NAMES
    expected = "".join(each if each.isprintable() else " " for each in subject)
    assert str(mail["Subject"]).split() == expected.split()
    assert str(mail.get_content()).split() == body.split()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "ignore").decode()


def test_long_ids_are_never_encoded_and_long_threads_keep_their_ends() -> None:
    chain = tuple(f"<{n}{'y' * 90}@example.com>" for n in range(30))

    mail = written(subject=None, answers=Answered("t", "<parent@example.com>", chain, "Plan"))

    references = str(mail["References"]).split()
    assert references == [chain[0], *chain[12:], "<parent@example.com>"]
    assert mail["In-Reply-To"] == "<parent@example.com>"


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        ("<a@b>", ("<a@b>",)),
        (" <a@b>\r\n\t<c@d> noise", ("<a@b>", "<c@d>")),
        ("<a b@c> <ü@b> <>", ()),
        ("", ()),
    ],
)
def test_ids_are_read_and_nothing_else(header: str, ids: tuple[str, ...]) -> None:
    assert message_ids(header) == ids


@pytest.mark.parametrize(("parent", "subject"), [("Plan", "Re: Plan"), ("RE: Plan", "RE: Plan"), ("", "Re: ")])
def test_an_answer_has_the_subject_of_its_parent(parent: str, subject: str) -> None:
    mail = written(subject=None, answers=Answered("t", "<p@example.com>", (), parent))

    assert str(mail["Subject"]).strip() == subject.strip()
