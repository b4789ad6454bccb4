"""What a turn knows about its user: profile and tools, asked side by side; what is missing is said, not fatal."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from contracts.context import AssembleContext, AssembledContext
from contracts.envelope import Scope
from contracts.memory import MemoryView
from contracts.network import ListNegotiations
from contracts.tool import ToolDescription
from libs.bus import Bus, RemoteError
from libs.resilience.errors import Unavailable
from services.chat.toolbox import LIST_PATIENCE_S, list_tools

log = structlog.get_logger("services.chat")

MOST_NEGOTIATIONS = 50
CONTEXT_S = 1.5
"""The profile is a nicety: a slow answer is not waited for."""


@dataclass(frozen=True, slots=True)
class Agreeing:
    """How many meetings are being agreed on with other users, and how many of those wait for this user. Counts only:
    all else about them may be in the other one's words."""

    open: int = 0
    my_turn: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """The user, as far as it could be found out; `notes` are sentences about what could not."""

    display_name: str | None
    zone: ZoneInfo
    tools: Mapping[str, ToolDescription]
    missing_providers: tuple[str, ...]
    notes: tuple[str, ...]
    memories: tuple[MemoryView, ...] = ()
    """Of the user's own words, that have to do with their message."""
    open_notifications: int = 0
    agreeing: Agreeing = Agreeing()


async def find_out(
    bus: Bus,
    scope: Scope,
    asked_timezone: str | None,
    tools_patience_s: float = LIST_PATIENCE_S,
    sealed_text: str | None = None,
    *,
    of_meetings: bool = False,
) -> About:
    """Never raises for a neighbour that is away. `tools_patience_s`: how long the tool service is waited for.

    `sealed_text`: the message, as `AssembleContext` wants it, for which something may be remembered. `of_meetings`:
    whether it speaks of meetings, so that negotiations under way may matter.
    """
    context, tools, agreeing = await asyncio.gather(
        _context(bus, scope, sealed_text), list_tools(bus, scope, tools_patience_s), _agreeing(bus, scope, of_meetings)
    )
    notes = []
    if context is None and not asked_timezone:
        notes.append("Your profile is not available right now, so times are in UTC.")
    if tools is None:
        notes.append("Your mail and calendar tools are not available right now.")
    return About(
        display_name=context.display_name if context else None,
        zone=zone(asked_timezone or (context.timezone if context else None)),
        tools={tool.name: tool for tool in tools.tools} if tools else {},
        missing_providers=tools.missing_providers if tools else (),
        notes=tuple(notes),
        memories=context.memories if context else (),
        open_notifications=context.open_notifications if context else 0,
        agreeing=agreeing,
    )


async def _agreeing(bus: Bus, scope: Scope, of_meetings: bool) -> Agreeing:
    if not of_meetings:
        return Agreeing()
    try:
        found = await bus.ask(ListNegotiations(limit=MOST_NEGOTIATIONS), scope=scope, timeout_s=CONTEXT_S)
    except (RemoteError, Unavailable) as away:
        log.warning("negotiations_unavailable", error=away.slug)
        return Agreeing()
    under_way = [session for session in found.sessions if session.status == "open"]
    return Agreeing(len(under_way), sum(session.my_turn for session in under_way))


async def _context(bus: Bus, scope: Scope, sealed_text: str | None) -> AssembledContext | None:
    try:
        return await bus.ask(AssembleContext(sealed_text=sealed_text), scope=scope, timeout_s=CONTEXT_S)
    except (RemoteError, Unavailable) as away:
        log.warning("context_unavailable", error=away.slug)
        return None


def zone(name: str | None) -> ZoneInfo:
    """The zone of this name, or UTC."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
