"""What is wrong with a field, in words that follow its name: `body.start: needs an offset such as Z or +01:00`."""

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this request",
    "timezone_aware": "needs an offset such as Z or +01:00",
    "date_from_datetime_parsing": "is not a day such as 2026-11-24",
    "date_parsing": "is not a day such as 2026-11-24",
    "date_type": "is not a day such as 2026-11-24",
    "datetime_parsing": "is not a time such as 2026-11-24T14:00:00Z",
    "datetime_from_date_parsing": "is not a time such as 2026-11-24T14:00:00Z",
    "datetime_type": "is not a time such as 2026-11-24T14:00:00Z",
    "dict_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "string_too_long": "may have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_short": "must have at least {min_length}",
    "too_long": "may have at most {max_length}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "less_than_equal": "must be at most {le}",
    "greater_than_equal": "must be at least {ge}",
    "union_tag_not_found": "must say its `type`",
    "union_tag_invalid": "must have one of these as its `type`: {expected_tags}",
}


def complaint(found: Mapping[str, Any]) -> str:
    """Of one error of Pydantic's; of a kind that is not known here, its own words. Never quotes the input."""
    words = _WORDS.get(str(found["type"]))
    if words is None:
        return str(found["msg"]).removeprefix("Value error, ")
    try:
        return words.format(**found.get("ctx", {}))
    except KeyError:
        return str(found["msg"])
