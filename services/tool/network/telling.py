"""Both are told of each step. An event belongs to one user, and so does a transaction: the other one's event is written
by a command that follows the commit, under an id of its own, so that it is said once."""

import hashlib
from datetime import datetime

from contracts.envelope import Scope
from contracts.network import NetworkMoved, NetworkStep, TellAcquaintance
from libs.bus import publish
from libs.db import Database, Transaction


async def tell(
    tx: Transaction,
    whom: Scope,
    about: str,
    step: NetworkStep,
    *,
    by_me: bool,
    number: int = 0,
    starts_at: datetime | None = None,
) -> None:
    """Tell one of the two, whoever's transaction it is. `about` is a connection or a session."""
    if whom == tx.require_scope():
        await publish(tx, NetworkMoved(about=about, step=step, by_me=by_me, number=number, starts_at=starts_at))
        return
    command = TellAcquaintance(
        organization_id=whom.organization_id,
        user_id=whom.user_id,
        about=about,
        step=step,
        by_me=by_me,
        number=number,
        starts_at=starts_at,
    )
    await publish(tx, command)


async def pass_on(command: TellAcquaintance, db: Database) -> None:
    """The event for the other one; the same command is the same event."""
    whom = Scope(command.organization_id, command.user_id)
    said = f"{command.user_id} {command.about} {command.step} {command.number}"
    event = NetworkMoved(
        about=command.about,
        step=command.step,
        by_me=command.by_me,
        number=command.number,
        starts_at=command.starts_at,
    )
    async with db.transaction(whom) as tx:
        await publish(tx, event, id=f"evt_{hashlib.sha256(said.encode()).hexdigest()[:32]}")
