"""Where an owner's effect enters the ledger: at once, after a moment in which it can be withdrawn, or as a proposal.

What waits is shown to its user with names in place of ids. They are looked up between two transactions: the first says
that there is something to look up and writes nothing, the second decides anew and is the one that counts.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.actions import ActionProposed, CarryOutAction, ExpireAction, Preview, Provenance
from contracts.ids import ExecutionId
from contracts.tool import ExecutionStatus
from libs.bus import publish
from libs.db import Transaction
from libs.resilience.errors import AdjutantError
from libs.vault import UserKey
from services.tool import ledger, times
from services.tool.arguments import Arguments
from services.tool.consent.policy import Intended, Judgement, Verdict, judge
from services.tool.consent.preview import Shown, preview_of, recipients_of
from services.tool.consent.rules import rules_of
from services.tool.consent.sight import acts_on_something
from services.tool.ledger import Claim, Ending, Opening, Request
from services.tool.registry import Tool

RULED_OUT = "ruled_out"


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a proposal waits for its user, and how long a send is held back."""

    proposal: timedelta = timedelta(hours=24)
    hold: timedelta = timedelta(seconds=10)
    undo: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A call that is to wait, and acts on what has a name that a person should read."""

    tool: Tool[Any]
    arguments: Arguments


async def enter(
    tx: Transaction,
    key: UserKey,
    request: Request,
    tool: Tool[Any],
    provenance: Provenance | None,
    now: datetime,
    waits: Waits,
    shown: Shown | None = None,
) -> Claim | Ending | Unnamed:
    """Decide, and write the decision down. `Unnamed` only when nothing has been looked up (`shown` is None): then
    nothing is written. Raises ExecutionInProgress, ExecutionConflict."""
    try:
        arguments = tool.parse(request.arguments_json)
        zone = times.zone(request.timezone)
    except AdjutantError:
        return await ledger.claim(tx, key, request)  # it fails as any wrong call does, and says why
    judgement = judge(intended(tool, arguments), provenance, await rules_of(tx))
    if judgement.verdict is Verdict.REFUSE:
        return await _refused(tx, key, request, judgement)
    preview = preview_of(tool, arguments, judgement.reasons, request.asked_at, zone, shown or ())
    opening = _opening(tool, judgement, preview, now, waits)
    has_names = opening.status is not ExecutionStatus.CLAIMED and acts_on_something(tool, arguments)
    if shown is None and has_names and not await ledger.is_known(tx, request.execution_id):
        return Unnamed(tool, arguments)
    entered = await ledger.claim(tx, key, request, opening)
    if isinstance(entered, Ending) and entered.is_new:
        await _announce(tx, request, opening)
    return entered


def intended(tool: Tool[Any], arguments: Arguments) -> Intended:
    """What consent looks at of a call."""
    return Intended(tool.name, tool.effect, recipients_of(tool, arguments.model_dump(mode="json")))


def _opening(tool: Tool[Any], judgement: Judgement, preview: Preview, now: datetime, waits: Waits) -> Opening:
    if judgement.verdict is Verdict.ASK:
        return Opening(ExecutionStatus.PROPOSED, now + waits.proposal, preview.model_dump_json())
    if tool.facts.is_held and waits.hold:
        return Opening(ExecutionStatus.HELD, now + waits.hold, preview.model_dump_json())
    return Opening(preview_json=preview.model_dump_json() if tool.facts.undone_with else None)


async def _announce(tx: Transaction, request: Request, opening: Opening) -> None:
    action_id = ExecutionId(request.execution_id)
    assert opening.until is not None
    if opening.status is ExecutionStatus.PROPOSED:
        await publish(tx, ActionProposed(action_id=action_id, tool=request.tool, expires_at=opening.until))
        await publish(tx, ExpireAction(action_id=action_id), deliver_at=opening.until, id=f"expire_{action_id}")
    else:
        await publish(tx, CarryOutAction(action_id=action_id), deliver_at=opening.until, id=f"carry_{action_id}")


async def _refused(tx: Transaction, key: UserKey, request: Request, judgement: Judgement) -> Claim | Ending:
    held = await ledger.claim(tx, key, request)
    if isinstance(held, Ending) or not held.is_first:
        return held  # it began before it was ruled out: what came of that has to be found out
    ending = Ending(ExecutionStatus.FAILED, error=RULED_OUT, detail=f"Not done. {' '.join(judgement.reasons)}")
    await ledger.finish(tx, key, held, ending)
    return ending


def provenance_of(text: str | None, request: Request) -> Provenance | None:
    """From the command; what cannot be read or was said of another call says nothing, so that the user is asked."""
    if text is None:
        return None
    try:
        known = Provenance.model_validate(json.loads(text))
    except ValueError:
        return None
    return known if known.digest == request.digest.hex() else None
