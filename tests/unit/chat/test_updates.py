"""The lean encoding of updates says what the contract says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.chat import TurnUpdate
from services.chat.live_turn import Update

TYPES = TurnUpdate.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
_text = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
_count = st.none() | st.integers(0, 10**9)


@given(
    st.builds(
        Update,
        n=st.integers(1, 10**6),
        type=st.sampled_from(TYPES),
        step_id=_text,
        name=_text,
        status=st.sampled_from([None, "ok", "failed", "skipped"]),
        text=_text,
        message_id=_text,
        engine=st.sampled_from([None, "model", "offline"]),
        model=_text,
        input_tokens=_count,
        output_tokens=_count,
        error=_text,
        detail=_text,
    )
)
def test_every_update_is_one_of_the_contract_and_back(update: Update) -> None:
    read = TurnUpdate.model_validate_json(msgspec.json.encode(update))
    assert read.model_dump(exclude_none=True) == msgspec.to_builtins(update) | {
        name: value for name, value in msgspec.structs.asdict(update).items() if value is not None
    }


def test_the_lean_struct_has_no_field_that_the_contract_lacks() -> None:
    assert set(Update.__struct_fields__) <= set(TurnUpdate.model_fields)


@pytest.mark.parametrize("type", ["token", "turn.completed"])
def test_what_is_absent_is_not_sent(type: str) -> None:
    assert msgspec.json.encode(Update(3, type)) == f'{{"n":3,"type":"{type}"}}'.encode()
