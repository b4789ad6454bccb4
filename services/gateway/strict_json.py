"""Request bodies as strict JSON: what two parsers could read differently is refused."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.gateway.errors import MalformedJson, UnsupportedMediaType

DEEPEST = 64
"""Levels of nesting; the deepest request of this API has four."""


def parse(body: bytes) -> Any:
    """The value of one JSON document. Raises MalformedJson naming what is wrong, never quoting the input."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as broken:
        raise MalformedJson(f"The body is not UTF-8: byte {broken.start} is wrong.") from broken
    if _depth(text) > DEEPEST:
        raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.")
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as broken:
        raise MalformedJson(f"The body is not JSON: {broken.msg} at character {broken.pos}.") from broken
    except ValueError as broken:
        # Python refuses to convert integers of more than 4,300 digits.
        raise MalformedJson("The body holds a number that is too long.") from broken


def _depth(text: str) -> int:
    """An upper bound of the nesting; brackets inside strings count too, so only a suspicious body is walked."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    deepest = level = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
            if deepest > DEEPEST:
                return deepest
        elif character in "]}":
            level -= 1
    return deepest


def _refuse_constant(name: str) -> Any:
    raise MalformedJson(f"The body holds {name}, which is not JSON.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("The body has an object with the same key twice.")
    return found


class StrictRequest(Request):
    """A request whose body was read strictly before FastAPI asks for it (it would call every error of ours a 400)."""

    async def read(self) -> None:
        """Read and parse. Raises MalformedJson, and BodyTooLarge from the edge."""
        self._value = parse(await self.body())

    async def json(self) -> Any:
        """The parsed body."""
        return self._value


class StrictRoute(APIRoute):
    """A route that takes JSON only as JSON, and only declared as such."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler so that it sees a StrictRequest."""
        handler = super().get_route_handler()
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            if not takes_body:
                return await handler(request)
            if not is_json(request.headers.get("content-type", "")):
                raise UnsupportedMediaType("This request needs a JSON body.")
            strict_request = StrictRequest(request.scope, request.receive)
            await strict_request.read()
            return await handler(strict_request)

        return strict


def is_json(content_type: str) -> bool:
    """Whether the header names JSON; a charset other than UTF-8 does not count."""
    media_type, _, parameters = content_type.lower().partition(";")
    if media_type.strip() != "application/json":
        return False
    charset = parameters.partition("charset=")[2].strip().strip('"')
    return charset in ("", "utf-8", "utf8")
