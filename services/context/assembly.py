"""From what is known about a user to the context of one turn."""

from dataclasses import dataclass

from contracts.context import AssembledContext
from contracts.envelope import Scope
from contracts.memory import MemoryView
from libs.db import Transaction
from libs.vault import CiphertextRejected, Vault
from services.context.budget import Section, fit, included
from services.context.profile import open_name


@dataclass(frozen=True, slots=True)
class Known:
    """Everything on record about one user; `name_unreadable` when the key of the sealed name is gone."""

    timezone: str | None
    display_name: str | None
    name_unreadable: bool
    providers: tuple[str, ...]
    open_notifications: int
    turns: int


async def recall(tx: Transaction, vault: Vault, scope: Scope) -> Known:
    """Read it all in one statement: every turn waits for this."""
    row = await tx.fetchrow(
        """
        select profile.timezone, profile.display_name_sealed,
            array(
                select provider from connected_providers where connection_id is not null order by provider
            ) as providers,
            (select count(*) from notice_states where open) as open_notifications,
            (select coalesce(sum(turns), 0) from conversation_statistics)::bigint as turns
        from (select) as one left join profiles as profile on true
        """
    )
    assert row is not None, "a left join of one row has one row"
    name, unreadable = None, False
    try:
        name = await open_name(tx, vault, scope, row["display_name_sealed"])
    except CiphertextRejected:
        unreadable = True
    return Known(
        timezone=row["timezone"],
        display_name=name,
        name_unreadable=unreadable,
        providers=tuple(row["providers"]),
        open_notifications=row["open_notifications"],
        turns=row["turns"],
    )


def assemble(
    known: Known, max_tokens: int, default_timezone: str, memories: tuple[MemoryView, ...] | None = None
) -> AssembledContext:
    """Fit what is known into the budget. The timezone is always there: no answer about time is right without it.

    `memories`: what was recalled for the message, best first; None when there was no message to recall anything for.
    """
    receipt = fit((*_sections(known), *_remembered(memories)), max_tokens)
    return AssembledContext(
        display_name=known.display_name if included(receipt, "profile") else None,
        timezone=known.timezone or default_timezone,
        connected_providers=known.providers if included(receipt, "connections") else (),
        open_notifications=known.open_notifications if included(receipt, "notifications") else 0,
        receipt=receipt,
        memories=tuple(each for each in memories or () if included(receipt, _source(each))),
    )


def _remembered(memories: tuple[MemoryView, ...] | None) -> tuple[Section, ...]:
    """Each by itself: a long one that does not fit keeps no other out."""
    if memories is None:
        return ()
    if not memories:
        return (Section("memory", missing="nothing that is remembered has to do with the message"),)
    return tuple(Section(_source(each), words=each.text) for each in memories)


def _source(memory: MemoryView) -> str:
    return f"memory:{memory.memory_id}"


def _sections(known: Known) -> tuple[Section, ...]:
    """In order of worth: an answer is wrong without the connections, impersonal without the name."""
    return (
        Section("connections", words=", ".join(known.providers))
        if known.providers
        else Section("connections", missing="no provider is connected"),
        _profile(known),
        Section("notifications", words=f"{known.open_notifications} open notifications")
        if known.open_notifications
        else Section("notifications", missing="none is open"),
        Section("statistics", missing=f"figures of {known.turns} turns answer no question by themselves"),
    )


def _profile(known: Known) -> Section:
    if known.name_unreadable:
        return Section("profile", fault="the name cannot be decrypted")
    if known.display_name is None:
        return Section("profile", missing="the user gave no name")
    return Section("profile", words=known.display_name)
