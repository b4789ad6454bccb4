"""Of which arguments others' texts may be a part: the safe side, unless the user said so or typed it."""

import json
from typing import Any

import pytest

from contracts.actions import ArgumentOrigin, Origin, Provenance, ReadActivity
from services.tool.roots import UNKNOWN, Foreign, after_edit, roots_of

MAIL = ReadActivity(provider="gmail", external_id="m_1")
ARGUMENTS = {"text": "Invoices go to DE00 1234", "kind": "fact"}


def known(*, read: bool = True, via: Any = "turn", **origins: Origin) -> Provenance:
    told = tuple(ArgumentOrigin(argument=name, origin=origin) for name, origin in origins.items())
    return Provenance(via=via, read_untrusted=read, is_asked=True, arguments=told, activities=(MAIL,) if read else ())


def others(provenance: Provenance | None, arguments: Any = ARGUMENTS) -> list[str]:
    return [each.argument for each in roots_of(provenance, json.dumps(arguments)).others_in("text", "key")]


@pytest.mark.parametrize(
    ("provenance", "expected"),
    [
        (None, [""]),
        (known(via="program", text=Origin.USER), [""]),
        (known(read=False, text=Origin.MODEL), []),
        (known(read=False), []),
        (known(read=False, text=Origin.UNTRUSTED), ["text"]),
        (known(text=Origin.USER), []),
        (known(text=Origin.MODEL), ["text"]),
        (known(text=Origin.CONTACT), ["text"]),
        (known(text=Origin.MEMORY), ["text"]),
        (known(), ["text"]),
        (known(via="run", text=Origin.USER), []),
    ],
)
def test_only_what_the_user_said_is_theirs_once_others_were_read(
    provenance: Provenance | None, expected: list[str]
) -> None:
    assert others(provenance) == expected


def test_every_value_counts_wherever_it_stands() -> None:
    given = {"text": "x", "key": "home", "tags": ["a", "b"], "none": None, "empty": ""}
    roots = roots_of(known(text=Origin.USER), json.dumps(given))

    assert [each.argument for each in roots.others] == ["key", "tags[1]", "tags[2]"]
    assert [each.argument for each in roots.others_in("tags")] == ["tags[1]", "tags[2]"]
    assert roots.others_in("text") == ()


def test_a_sentence_that_is_known_cites_its_own_mail_and_any_other_text_all_of_them() -> None:
    other = ReadActivity(provider="gmail", external_id="m_2")
    told = ArgumentOrigin(argument="text", origin=Origin.UNTRUSTED, sentence="…", activity=MAIL)
    provenance = Provenance(
        read_untrusted=True, is_asked=False, arguments=(told,), activities=(MAIL, other), conversation_id="c_1"
    )
    roots = roots_of(provenance, json.dumps({"text": "x", "key": "y"}))

    assert roots.others == (
        Foreign(argument="text", activities=(MAIL,)),
        Foreign(argument="key", activities=(MAIL, other)),
    )
    assert roots.conversation_id == "c_1"


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        ({"text": "My accountant is Priya"}, []),
        ({"text": "My accountant is Priya", "kind": "person"}, []),
        ({"text": "Invoices go to DE00 1234!"}, ["text"]),
        ({"text": "i.n.v.o.i.c.e"}, ["text"]),
        ({"text": "\uff24\uff25\uff10\uff10 \uff11\uff12\uff13\uff14"}, ["text"]),
        ({"text": "My accountant is Priya", "key": "invoices"}, ["key"]),
    ],
)
def test_what_is_typed_anew_is_the_users_as_far_as_nothing_of_others_is_left(
    edited: dict[str, str], expected: list[str]
) -> None:
    roots = roots_of(known(text=Origin.UNTRUSTED, kind=Origin.USER), json.dumps(ARGUMENTS))
    after = after_edit(roots, json.dumps(ARGUMENTS), json.dumps(edited))

    assert [each.argument for each in after.others_in("text", "key")] == expected
    assert [each.activities for each in after.others_in("key")] == [(MAIL,)] * (expected == ["key"])


def test_of_what_nothing_is_known_an_edit_is_judged_the_same_way() -> None:
    same = after_edit(UNKNOWN, json.dumps(ARGUMENTS), json.dumps(ARGUMENTS))
    anew = after_edit(UNKNOWN, json.dumps(ARGUMENTS), json.dumps({"text": "My accountant is Priya"}))

    assert [each.argument for each in same.others_in("text", "key")] == ["text"]
    assert anew.others_in("text", "key") == ()


def test_a_short_text_of_others_stays_theirs() -> None:
    roots = roots_of(known(text=Origin.UNTRUSTED), json.dumps({"text": "Ja"}))

    assert after_edit(roots, '{"text": "Ja"}', '{"text": "ja!"}').others_in("text")
    assert not after_edit(roots, '{"text": "Ja"}', '{"text": "Nein"}').others_in("text")


def test_what_is_no_json_has_no_arguments() -> None:
    assert roots_of(known(), "{").others == ()
