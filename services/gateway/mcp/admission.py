"""Who may come in, with what: origin, credential, size, form and rate, before the SDK sees a request."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from contracts.ids import ExecutionId
from libs.resilience.errors import TooLarge
from services.gateway.audit import Action, record
from services.gateway.deps import Gateway
from services.gateway.guards import may
from services.gateway.limits import Allowance, Limit, spend
from services.gateway.mcp.errors import ForeignPage, MalformedMessage
from services.gateway.principal import Origin, Permission, Principal
from services.gateway.strict_json import parse

MAX_BODY_BYTES = 262_144
"""The longest arguments of a tool have a few thousand characters; sealed and encoded this fits the bus."""

chatter = may(Permission.CHAT)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One JSON-RPC message as far as the gateway itself looks at it."""

    body: bytes
    id: str | int | None
    is_call: bool
    """Whether it calls a tool, which is counted."""


def check_origin(request: Request, gateway: Gateway) -> None:
    """Browsers say from which page they send; programs say nothing. Raises ForeignPage.

    A page that made its own name point here (DNS rebinding) sends that name, so the Host header proves nothing.
    """
    page = request.headers.get("origin")
    if page is not None and page not in {gateway.public_url.rstrip("/"), *gateway.settings.cors_origins}:
        raise ForeignPage("This page may not call the tools of a user.")


async def read(request: Request) -> Incoming:
    """The message. Raises TooLarge, MalformedJson, MalformedMessage: what two parsers could read differently, and what
    the SDK would take for a notification although its id is merely wrong, does not get further."""
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"A request may have {MAX_BODY_BYTES:,} bytes.")
    message: Any = parse(body)
    if not isinstance(message, dict):
        raise MalformedMessage("The body is not one JSON-RPC message.")
    given = message.get("id")
    if "id" in message and (isinstance(given, bool) or not isinstance(given, str | int)):
        raise MalformedMessage("The id of a request is a text or a whole number.")
    return Incoming(body, given, is_call=message.get("method") == "tools/call")


async def count_call(gateway: Gateway, caller: Principal) -> Allowance:
    """Count a call of a tool. Raises TooManyRequests."""
    limit = Limit("mcp", gateway.settings.mcp_calls_per_minute, 60)
    async with gateway.db.transaction(caller.scope) as tx:
        return await spend(tx, limit, caller.scope.user_id)


async def admit_effect(gateway: Gateway, caller: Principal, origin: Origin, tool: str, action: ExecutionId) -> None:
    """Count a call that changes something, since each may be a question to the user, and write down whose it was.

    Raises TooManyRequests.
    """
    limit = Limit("mcp_effect", gateway.settings.mcp_effects_per_minute, 60)
    async with gateway.db.transaction(caller.scope) as tx:
        await spend(tx, limit, caller.scope.user_id)
        await record(tx, caller.name, Action.PROGRAM_CALLED, f"{tool} {action}", origin)
