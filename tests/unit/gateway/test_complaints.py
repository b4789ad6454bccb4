"""What is wrong with a request is said so that a person can mend it."""

from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.gateway.complaints import complaint


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["one", "other"] = "one"
    start: AwareDatetime | None = None
    day: date | None = None
    at: datetime | None = None
    names: Annotated[list[str], Field(min_length=1)] = ["x"]
    id: Annotated[str, Field(pattern="^x_[0-9]+$")] = "x_1"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "third"}, "must be 'one' or 'other'"),
        ({"start": "2026-11-24T14:00:00"}, "needs an offset such as Z or +01:00"),
        ({"day": "x"}, "is not a day such as 2026-11-24"),
        ({"at": "x"}, "is not a time such as 2026-11-24T14:00:00Z"),
        ({"names": []}, "must have at least 1"),
        ({"id": "y"}, "does not have the form ^x_[0-9]+$"),
        ({"more": 1}, "is no field of this request"),
    ],
)
def test_a_complaint_says_what_would_be_right(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Asked.model_validate(given)
    assert complaint(wrong.value.errors()[0]) == said  # type: ignore[arg-type]


def test_a_complaint_of_another_kind_keeps_its_words() -> None:
    assert complaint({"type": "value_error", "msg": "Value error, give one of them"}) == "give one of them"
