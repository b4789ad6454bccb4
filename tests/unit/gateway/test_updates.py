"""The gateway's lean reading of live updates agrees with the contract."""

from contracts.chat import TurnUpdate
from services.gateway.updates import Update, as_event, read_update, write_update

FULL = TurnUpdate(
    n=3, type="turn.completed", conversation_id="c", turn_id="t", step_id="s", name="x", status="ok", text="é\n",
    confidence=0.5, message_id="m", engine="model", model="gpt", input_tokens=1, output_tokens=2, error="e", detail="d",
)  # fmt: skip


def test_every_field_of_the_contract_is_read_and_written() -> None:
    assert set(Update.__struct_fields__) == set(TurnUpdate.model_fields)
    update = read_update(FULL.model_dump_json().encode())
    assert TurnUpdate.model_validate_json(write_update(update)) == FULL


def test_a_field_of_a_newer_release_is_ignored() -> None:
    assert read_update(b'{"n": 1, "type": "token", "text": "a", "mood": "sunny"}').text == "a"


def test_an_event_carries_type_id_and_the_update_as_it_came() -> None:
    body = b'{"n":7,"type":"token","text":"a\\nb"}'
    assert as_event("t_1", read_update(body), body) == b"event: token\nid: t_1:7\ndata: " + body + b"\n\n"


def test_a_line_break_in_the_json_does_not_end_the_event() -> None:
    body = b'{"n":7,\n"type":"token"}'
    assert b'data: {"n":7, "type":"token"}\n\n' in as_event("t_1", read_update(body), body)
