"""Types that request and response bodies share. Requests are strict: no unknown fields, no silent conversion."""

from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from libs.http.problem import MEDIA_TYPE


class StrictBody(BaseModel):
    """A request body."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Problem(BaseModel):
    """RFC 9457, with a word of advice and the id to quote to an operator."""

    type: str
    title: str
    """The error's slug."""
    status: int
    detail: str
    advice: str
    request_id: str
    errors: list[dict[str, str]] | None = None


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters (\\u0000)")
    return text


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return _without_nul(text)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return _with_words(text)


def _known_timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError("is not an IANA timezone such as Europe/Berlin")
    return name


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


_PROSE = {"type": "string", "minLength": 1, "maxLength": 32_000, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}

Prose = Annotated[str, Field(min_length=1, max_length=32_000), AfterValidator(_with_words), WithJsonSchema(_PROSE)]
"""A message: up to 32,000 characters, not blank, without NUL."""

ShortProse = Annotated[
    str,
    Field(min_length=1, max_length=2_000),
    AfterValidator(_with_words),
    WithJsonSchema({**_PROSE, "maxLength": 2_000}),
]
"""The same, up to 2,000 characters: what strangers may write."""

MemoryText = Annotated[
    str,
    Field(min_length=1, max_length=1_000),
    AfterValidator(_with_words),
    WithJsonSchema({**_PROSE, "maxLength": 1_000}),
]
"""The same, up to 1,000 characters: an entry of memory."""

_SIGNS = (
    r"\u0021-\u007e\u00a1-\u00ac\u00ae-\u024f\u0391-\u03a1\u03a3-\u03ff\u0400-\u04ff\u05d0-\u05ea\u0621-\u063a\u0641-\u064a"
    r"\u0905-\u0939\u0e01-\u0e30\u1e00-\u1eff\u2010-\u2027\u20ac\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fa5\uac00-\ud7a3"
)
_LINE = rf"^[ {_SIGNS}]*[{_SIGNS}]$"
"""Of one line what a pattern can say: the letters and signs of most languages. More is accepted, such as emoji."""

ShortLine = Annotated[
    str,
    Field(min_length=1, max_length=100),
    AfterValidator(_one_line),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100, "pattern": _LINE}),
]
"""A name: one line of at most 100 printable characters."""

MemoryKey = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(_one_line),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": _LINE}),
]
"""The name of an entry of memory: one line of at most 64 printable characters."""

Timezone = Annotated[
    str,
    Field(max_length=64),
    AfterValidator(_known_timezone),
    WithJsonSchema({"type": "string", "maxLength": 64, "examples": ["Europe/Berlin"], "format": "iana-timezone"}),
]

ConversationRef = Annotated[str, Field(pattern=r"^c_[0-9a-f]{32}$")]

_PROBLEM_DESCRIPTIONS = {
    400: "The body is not strict JSON",
    401: "No valid credential",
    403: "Not permitted: scope, CSRF token, or address",
    404: "Not there, or not yours",
    405: "No such method here",
    409: "Clashes with the present state",
    413: "The body is over 1 MiB",
    415: "The body is not declared as JSON",
    422: "The request is well-formed and wrong",
    429: "Over the rate limit; see Retry-After",
    500: "A defect",
    502: "A provider answered with an error",
    503: "Something this needs is away; see Retry-After",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of a route's errors; 500 and 503 can happen everywhere."""
    return {
        status: {
            "description": _PROBLEM_DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, 500, 503})
    }


AUTHENTICATED = (401, 403)
WITH_BODY = (400, 413, 415, 422)
