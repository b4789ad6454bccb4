"""Names that follow from the contract class."""

import pytest

from contracts.chat import GetTurn, RunTurn, TurnCompleted, TurnUpdate
from contracts.envelope import Scope, Service
from contracts.ids import OrganizationId, UserId, new_id
from libs.bus.routes import react
from libs.bus.subjects import durable_for, filter_for, live_subject, spoken, stream_for, subject_for
from libs.bus.topology import consumer_for, consumers

SCOPE = Scope(OrganizationId(new_id("org")), UserId(new_id("u")))


def test_an_events_subject_ends_in_its_user_so_that_one_purge_erases_a_person() -> None:
    assert subject_for(TurnCompleted, SCOPE) == f"evt.chat.turn.completed.v1.{SCOPE.user_id}"
    assert subject_for(TurnCompleted, None) == "evt.chat.turn.completed.v1._"
    assert filter_for(TurnCompleted) == "evt.chat.turn.completed.v1.*"


def test_a_commands_subject_is_the_contracts() -> None:
    assert subject_for(RunTurn, SCOPE) == filter_for(RunTurn) == "cmd.chat.run_turn.v1"


def test_streams_durables_and_spoken_names_can_be_found_by_one_word() -> None:
    assert [stream_for(m) for m in (TurnCompleted, RunTurn, TurnUpdate)] == ["EVT_CHAT", "CMD_CHAT", "LIVE"]
    assert durable_for("context", TurnCompleted) == "context_turn_completed"
    assert durable_for("chat", RunTurn) == "chat_run_turn"
    assert (spoken(RunTurn), spoken(TurnCompleted), spoken(GetTurn)) == (
        "chat.run_turn",
        "chat.turn.completed",
        "chat.get_turn",
    )


def test_a_query_has_no_stream() -> None:
    with pytest.raises(TypeError):
        stream_for(GetTurn)


@pytest.mark.parametrize("id", ["*", ">", "a.b", "", "a b", "x" * 65, "a\r\nPUB"])
def test_a_live_id_with_a_meaning_in_nats_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="not a live subject"):
        live_subject("turn", id)


def test_durables_are_unique_and_a_service_binds_only_to_what_names_it() -> None:
    durables = [plan.durable for plan in consumers()]
    assert len(durables) == len(set(durables))
    with pytest.raises(ValueError, match="does not name"):
        consumer_for(Service.VOICE, TurnCompleted)


async def test_a_route_knows_its_name_for_spans_and_metrics() -> None:
    async def remember_turn(event: TurnCompleted, tx: object, deps: object) -> None: ...

    assert react(TurnCompleted, remember_turn).name == "chat.turn.completed"
