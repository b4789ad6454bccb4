"""What tools accept: strict about names and sizes, forgiving about how a model says "nothing"."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from services.tool.errors import InvalidArguments

_ADDRESS = re.compile(r"^[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]{1,190}\.[^\s@.<>(),;:\\\"\[\]]{2,63}$")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,39}$")
MAX_COMPLAINTS = 4


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _readable(text: str) -> str:
    if not text.replace("\n", "").replace("\t", "").isprintable():
        raise ValueError("must not contain control characters")
    return text


def is_address(text: str) -> bool:
    """Whether it looks like an e-mail address."""
    return _ADDRESS.match(text) is not None


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError("must be an e-mail address such as sarah@example.com; find it with contacts_find")
    return text


def _line(max_length: int) -> Any:
    return Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length),
        AfterValidator(_printable),
    ]


Words = _line(200)
Title = _line(200)
TimeText = _line(80)
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(_readable)]
SomeProse = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(_readable)
]
"""Prose that says something."""
EmailAddress = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_address)]


class Arguments(BaseModel):
    """What every tool's arguments are: immutable, and nothing that the schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_absent(cls, given: Any) -> Any:
        """Models fill optional arguments with null or an empty text."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: value for name, value in given.items() if name not in optional or value not in (None, "")}


class Empty(Arguments):
    """A tool without arguments."""


def explained(tool: str, error: ValidationError, arguments: type[BaseModel]) -> InvalidArguments:
    """A sentence on which the model can act. It names arguments and rules, never the values: those may be personal."""
    found = error.errors(include_url=False, include_input=False)
    # A list whose entries do not fit is complained of as too short, too.
    lists = {each["loc"][:-1] for each in found}
    complaints = [_complaint(dict(each)) for each in found if each["type"] != "too_short" or each["loc"] not in lists]
    more = len(complaints) - MAX_COMPLAINTS
    if more > 0:
        complaints[MAX_COMPLAINTS:] = [f"and {more} more"]
    known = ", ".join(arguments.model_fields) or "none"
    return InvalidArguments(f"{tool}: {'; '.join(complaints)}. Its arguments are: {known}.")


def _complaint(detail: dict[str, Any]) -> str:
    place = _place(detail["loc"])
    match detail["type"]:
        case "json_invalid":
            return "the arguments are not a JSON document"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "the arguments are not a JSON object"
        case "extra_forbidden":
            return f"{place} is not one of its arguments"
        case "missing":
            return f"{place} is missing"
        case "too_short":
            return f"{place} needs at least {detail['ctx']['min_length']}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message.removeprefix("Input ").removeprefix("String ")
    return f"{place} {message}" if place else message


def _place(loc: tuple[int | str, ...]) -> str:
    """`guests[2]`; a name that no argument can have is not repeated."""
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step + 1}]"
        else:
            path += step if _NAME.match(step) else "(a name that cannot be an argument)"
    return path


def bounded(default: int, low: int, high: int, description: str) -> Any:
    """A whole number within bounds."""
    return Field(default=default, ge=low, le=high, description=description)
