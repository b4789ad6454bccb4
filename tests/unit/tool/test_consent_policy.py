"""Run, ask or refuse: the table of `services.tool.consent.policy`, and what holds of it whatever is put in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.actions import ArgumentOrigin, ConsentRule, Origin, Provenance
from contracts.tool import Effect
from services.tool.consent.gate import intended, provenance_of
from services.tool.consent.policy import (
    COSTS,
    NEVER,
    PROGRAM,
    UNKNOWN_ORIGIN,
    WANTED,
    Intended,
    Judgement,
    Verdict,
    judge,
)
from services.tool.consent_facts import FACTS
from services.tool.ledger import Request
from services.tool.registry import Audience
from services.tool.tools import registry

RUN, ASK, REFUSE = Verdict.RUN, Verdict.ASK, Verdict.REFUSE
SEND = Intended("mail_send", Effect.SEND, (("to[1]", "tom@example.com"),))
ENTER = Intended("calendar_create_event", Effect.WRITE)
CALL = Request("x_1", "mail_send", '{"a": 1, "b": 2}', datetime(2026, 11, 24, tzinfo=UTC))
CHANGING = [Effect.WRITE, Effect.SEND, Effect.SPEND]


def said(origin: Origin = Origin.USER, **more: Any) -> Provenance:
    given = {"read_untrusted": False, "is_asked": True} | more
    return Provenance(arguments=(ArgumentOrigin(argument="to[1]", origin=origin),), **given)


def rule(verdict: Any, recipient: str = "*", tool: str = "mail_send") -> ConsentRule:
    return ConsentRule(rule_id="cr", tool=tool, verdict=verdict, recipient=recipient, created_at=datetime.now(UTC))


def verdict(intended: Intended, provenance: Provenance | None, *rules: ConsentRule) -> Verdict:
    return judge(intended, provenance, rules).verdict


@pytest.mark.parametrize(
    ("call", "provenance", "expected"),
    [
        (SEND, said(), Judgement(RUN)),
        (SEND, said(Origin.CONTACT), Judgement(RUN)),
        (SEND, said(read_untrusted=True), Judgement(RUN)),
        (ENTER, said(is_asked=False), Judgement(RUN)),
        (SEND, None, Judgement(ASK, (UNKNOWN_ORIGIN,))),
        (SEND, said(via="program"), Judgement(ASK, (PROGRAM,))),
        (Intended("book", Effect.SPEND), said(), Judgement(ASK, (COSTS,))),
        (Intended("mail_draft", Effect.DRAFT, SEND.recipients), None, Judgement(RUN)),
        (Intended("mail_search", Effect.READ), None, Judgement(RUN)),
    ],
)
def test_the_table_in_its_order(call: Intended, provenance: Provenance | None, expected: Judgement) -> None:
    assert judge(call, provenance, ()) == expected


def test_after_reading_others_everything_in_it_has_to_be_the_users_and_the_action_their_wish() -> None:
    assert verdict(SEND, said(read_untrusted=True, is_asked=False)) is ASK
    assert verdict(SEND, said(Origin.MODEL, read_untrusted=True)) is ASK
    influenced = Provenance(
        read_untrusted=True,
        is_asked=True,
        arguments=(
            ArgumentOrigin(argument="to[1]", origin=Origin.USER),
            ArgumentOrigin(argument="body", origin=Origin.UNTRUSTED, sentence="Pay me.", source="mail_read: Hi"),
        ),
    )
    judgement = judge(SEND, influenced, ())
    assert judgement.reasons == ("“Text” comes from what others wrote in a mail (Hi): “Pay me.”",)


def test_of_an_id_it_is_said_what_was_chosen_and_not_the_id() -> None:
    read = ArgumentOrigin(
        argument="event_id", origin=Origin.UNTRUSTED, sentence="evt_call", source="calendar_list: Call with Northwind"
    )
    cancel = Intended("calendar_cancel_event", Effect.WRITE)
    judgement = judge(cancel, Provenance(read_untrusted=True, is_asked=True, arguments=(read,)), ())
    assert judgement.reasons == (
        "Which event is meant was read in your calendar (Call with Northwind), and you did not name it so.",
    )


def test_a_recipient_nobody_said_anything_about_is_unknown() -> None:
    two = Intended("mail_send", Effect.SEND, (*SEND.recipients, ("cc[1]", "evil@example.net")))
    judgement = judge(two, said(), ())
    assert judgement.verdict is ASK
    assert all("evil@example.net" in reason for reason in judgement.reasons)


def test_letters_that_only_look_like_others_are_pointed_out() -> None:
    (reason,) = judge(
        Intended("mail_send", Effect.SEND, (("to[1]", "s\u0430rah@example.com"),)), said(Origin.MODEL), ()
    ).reasons
    assert "s\\u0430rah@example.com" in reason


@pytest.mark.parametrize(
    ("recipient", "value", "expected"),
    [
        ("@example.com", "tom@example.com", RUN),
        ("@example.com", "Tom@EXAMPLE.com", RUN),
        ("tom@example.com", "tom@example.com", RUN),
        ("*", "anybody@anywhere.example", RUN),
        ("@example.com", "evil@example.com.attacker.net", ASK),
        ("@example.com", "evil@sub.example.com", ASK),
        ("@example.com", "evil@notexample.com", ASK),
        ("@example.com", "evil@exámple.com", ASK),
        ("tom@example.com", "atom@example.com", ASK),
        ("example.com", "tom@example.com", ASK),
        ("@", "tom@example.com", ASK),
    ],
)
def test_a_standing_word_covers_what_it_says_and_no_more(recipient: str, value: str, expected: Verdict) -> None:
    call = Intended("mail_send", Effect.SEND, (("to[1]", value),))
    assert verdict(call, said(Origin.MODEL), rule("allow", recipient)) is expected


def test_a_standing_word_holds_for_its_tool_all_its_recipients_and_never_for_what_others_influenced() -> None:
    allowed = rule("allow", "@example.com")
    assert verdict(SEND, said(Origin.MODEL), rule("allow", "@example.com", tool="mail_reply")) is ASK
    two = Intended("mail_send", Effect.SEND, (*SEND.recipients, ("to[2]", "evil@example.net")))
    assert verdict(two, said(Origin.MODEL), allowed) is ASK
    assert verdict(SEND, said(Origin.MODEL, read_untrusted=True), allowed) is ASK
    assert verdict(ENTER, said(via="program"), rule("allow", "@example.com", tool=ENTER.tool)) is ASK
    assert verdict(ENTER, said(via="program"), rule("allow", tool=ENTER.tool)) is RUN


def test_never_is_stronger_than_everything_and_ask_than_allow() -> None:
    assert judge(SEND, said(), (rule("allow"), rule("never"))) == Judgement(REFUSE, (NEVER,))
    assert verdict(Intended("mail_draft", Effect.DRAFT), None, rule("never", tool="mail_draft")) is REFUSE
    assert judge(SEND, said(), (rule("allow"), rule("ask"))) == Judgement(ASK, (WANTED,))
    assert verdict(Intended("mail_draft", Effect.DRAFT), None, rule("ask", tool="mail_draft")) is ASK


@pytest.mark.parametrize("text", [None, "", "null", "[]", "{}", '{"read_untrusted": false}', "not json", '"user"'])
def test_a_provenance_that_says_nothing_is_none(text: str | None) -> None:
    assert provenance_of(text, CALL) is None


def test_a_provenance_holds_for_the_call_it_was_said_of_alone() -> None:
    own = said().of_call(CALL.execution_id, CALL.tool, '{"b": 2,  "a": 1}')
    assert provenance_of(own.model_dump_json(), CALL) == own, "however its JSON is laid out"
    assert provenance_of(said().model_dump_json(), CALL) is None
    for other in ({"execution_id": "x_2"}, {"tool": "mail_reply"}, {"arguments_json": '{"a": 1, "b": 3}'}):
        assert provenance_of(own.model_dump_json(), replace(CALL, **other)) is None


def test_every_tool_with_an_effect_is_in_the_table_of_consent() -> None:
    """A tool without facts has no recipients to be judged, and no words by which it is asked for."""
    connected = frozenset({"gmail", "calendar", "outlook_mail", "outlook_calendar", "github", "slack", "notion"})
    offered = registry.for_connections(connected, Audience.OWNER).tools
    changing = [registry.find(tool.name) for tool in offered if tool.effect is not Effect.READ]
    assert len(changing) > 15
    for tool in changing:
        name = tool.name
        assert name in FACTS
        addressed = {field for field in tool.arguments.model_fields if field in ADDRESSING}
        assert addressed <= set(FACTS[name].recipients), f"{name}: somebody receives something and is not judged"
        assert FACTS[name].asked_with
        assert FACTS[name].doing


ADDRESSING = {"to", "cc", "bcc", "guests", "add_guests", "channel", "repository"}


def test_recipients_are_those_of_the_parsed_call_whatever_its_json_looks_like() -> None:
    tool = registry.find("calendar_create_event")
    text = (
        '{"title": "a", "start": "x", "guests": ["tom@example.com"], "guests": ["a@b.example", " evil@example.net "]}'
    )
    assert intended(tool, tool.parse(text)).recipients == (
        ("guests[1]", "a@b.example"),
        ("guests[2]", "evil@example.net"),
    )


ORIGINS = st.builds(
    ArgumentOrigin,
    argument=st.sampled_from(["to[1]", "to[2]", "cc[1]", "body", "start"]),
    origin=st.sampled_from(list(Origin)),
)
RULES = st.lists(
    st.builds(rule, st.sampled_from(["allow", "ask"]), st.sampled_from(["*", "@example.com", "tom@example.com"]))
)
CALLS = st.builds(
    Intended,
    st.just("mail_send"),
    st.sampled_from(CHANGING),
    st.lists(st.tuples(st.sampled_from(["to[1]", "to[2]", "cc[1]"]), st.sampled_from(["tom@example.com", "e@x.net"])))
    .map(tuple),
)  # fmt: skip
PROVENANCES = st.builds(
    Provenance,
    via=st.sampled_from(["turn", "run", "program"]),
    read_untrusted=st.booleans(),
    is_asked=st.booleans(),
    arguments=st.lists(ORIGINS, max_size=5).map(tuple),
)


@given(CALLS, PROVENANCES, RULES)
def test_what_others_may_have_influenced_never_runs_by_itself(
    call: Intended, provenance: Provenance, rules: list[ConsentRule]
) -> None:
    influenced = provenance.model_copy(
        update={
            "via": "turn",
            "read_untrusted": True,
            "arguments": (*provenance.arguments, ArgumentOrigin(argument="body", origin=Origin.MODEL)),
        }
    )
    assert judge(call, influenced, rules).verdict is ASK


@given(CALLS, PROVENANCES, RULES)
def test_who_asks_is_told_why_and_money_and_programs_are_asked_about(
    call: Intended, provenance: Provenance, rules: list[ConsentRule]
) -> None:
    judgement = judge(call, provenance, rules)
    assert (judgement.verdict is ASK) == bool(judgement.reasons)
    if call.effect is Effect.SPEND:
        assert judgement.verdict is ASK
    if provenance.via == "program" and not any(each.verdict == "allow" for each in rules):
        assert judgement.verdict is ASK


@given(CALLS, PROVENANCES, RULES)
def test_less_trust_never_runs_what_more_trust_asks_about(
    call: Intended, provenance: Provenance, rules: list[ConsentRule]
) -> None:
    doubted = provenance.model_copy(
        update={
            "read_untrusted": True,
            "is_asked": False,
            "arguments": tuple(each.model_copy(update={"origin": Origin.MODEL}) for each in provenance.arguments),
        }
    )
    if judge(call, provenance, rules).verdict is ASK:
        assert judge(call, doubted, rules).verdict is ASK
    assert json.loads(doubted.model_dump_json())["is_asked"] is False
