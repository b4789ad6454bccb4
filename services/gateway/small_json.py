"""Requests of strangers: strict JSON, and little of it."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Message

from services.gateway.errors import BodyTooLarge
from services.gateway.strict_json import StrictRoute

MOST_BYTES = 16_384
"""A name, an address and a note of 500 characters, each escaped as twelve bytes, and some room."""


class SmallRoute(StrictRoute):
    """A strict route that stops reading where no honest request goes on."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the strict handler so that it sees a bounded request."""
        handler = super().get_route_handler()

        async def small(request: Request) -> Response:
            left = MOST_BYTES

            async def bounded() -> Message:
                nonlocal left
                message = await request.receive()
                left -= len(message.get("body", b""))
                if left < 0:
                    raise BodyTooLarge(f"A request to this path may have {MOST_BYTES:,} bytes.")
                return message

            return await handler(Request(request.scope, bounded))

        return small
