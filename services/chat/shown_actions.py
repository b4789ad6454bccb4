"""What a turn left to its user to decide, shown below its answer: who receives what, and why it is asked.

Shown by us and not by the model, which may have been talked into calling it something else; and kept in a message of
its own that no model reads. What was shown whole can be decided by a word in the next message.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from contracts.actions import ActionStatus, ActionView, GetAction, Preview
from contracts.ids import ExecutionId, new_id
from libs.bus import RemoteError
from libs.db import Transaction
from libs.resilience.errors import Unavailable
from libs.vault import UserKey
from services.chat import followups
from services.chat.output_filter import without_invisible
from services.chat.running_turn import RunningTurn, ShownAction

log = structlog.get_logger("services.chat")

LONGEST_SHOWN = 3_000
"""In characters; what is longer is decided where all of it can be read."""
GET_S = 2.0
WAITING = "\n\nThis waits for your approval:\n\n"
ASKED = '\nSay "yes" or "no", or decide under Actions.'
ASKED_OF_SEVERAL = '\nSay "yes to all", "yes to 1" or "no", or decide under Actions.'
TOO_LONG = "\nIt is too long to be shown here: read and decide it under Actions."


async def show(turn: RunningTurn) -> None:
    """Tell what waits, at the end of an answer; `keep` writes it down. A preview that cannot be had is not shown."""
    waiting = [outcome.action_id for outcome in turn.effects if outcome.action_id and not outcome.ok]
    if not waiting or not turn.command.may_decide:
        return
    views = [view for action_id in waiting if (view := await _proposed(turn, action_id)) is not None]
    turn.shown = tuple(_shown(turn, view, number if len(views) > 1 else None) for number, view in enumerate(views, 1))
    for shown in turn.shown:
        await turn.live.say_aside(WAITING if shown is turn.shown[0] else "\n")
        await turn.live.say_aside(shown.text)
    if turn.shown:
        await turn.live.say_aside(_asked(turn.shown))


async def keep(tx: Transaction, key: UserKey, turn: RunningTurn, at: datetime) -> None:
    """In the transaction that ends the turn: as messages of the conversation, and as what a word may decide."""
    conversation_id, turn_id = turn.command.conversation_id, turn.command.turn_id
    for place, shown in enumerate(turn.shown, start=1):
        before = WAITING if place == 1 else ""
        after = _asked(turn.shown) if place == len(turn.shown) else ""
        message_id = new_id("m")
        sealed = key.seal("message", message_id, f"{before}{shown.text}{after}".strip("\n").encode())
        moment = at + timedelta(microseconds=place)
        await tx.execute(_KEEP, conversation_id, moment, message_id, turn_id, sealed, shown.action_id)
        if shown.is_whole:
            await followups.note_shown(tx, shown.action_id, turn_id, place)


async def _proposed(turn: RunningTurn, action_id: str) -> ActionView | None:
    try:
        query = GetAction(action_id=ExecutionId(action_id))
        view = await turn.deps.bus.ask(query, scope=turn.scope, timeout_s=GET_S)
    except (RemoteError, Unavailable) as away:
        log.warning("proposal_not_shown", error=away.slug)
        return None
    return view if view.status is ActionStatus.PROPOSED else None


def _shown(turn: RunningTurn, view: ActionView, number: int | None) -> ShownAction:
    preview = Preview.model_validate_json(turn.deps.seal.open("action_preview", turn.scope, view.sealed_preview))
    text = "\n".join(_lines(preview, number))
    if len(text) <= LONGEST_SHOWN:
        return ShownAction(view.action_id, f"{text}\n", is_whole=True)
    return ShownAction(view.action_id, f"{text[:LONGEST_SHOWN]} …\n{TOO_LONG}", is_whole=False)


def _lines(preview: Preview, number: int | None) -> Iterator[str]:
    """Indented, each and every one: for whoever renders Markdown it is code, in which nothing is a link or picture."""
    yield _indented(f"{number}. {preview.title}" if number else preview.title)
    for field in preview.fields:
        yield _indented(f"  {field.label}: {field.value}")
    for reason in preview.reasons:
        yield _indented(f"  Why I ask: {reason}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in without_invisible(text).splitlines() if line.strip())


def _asked(shown: Sequence[ShownAction]) -> str:
    whole = sum(each.is_whole for each in shown)
    return "" if whole == 0 else ASKED if len(shown) == 1 else ASKED_OF_SEVERAL


# Nothing is shown in a conversation that was deleted meanwhile.
_KEEP = """
with thread as (
    update conversations set message_count = message_count + 1, updated_at = $2 where conversation_id = $1
    returning conversation_id
)
insert into messages (message_id, conversation_id, turn_id, role, text, created_at, action_id)
select $3, conversation_id, $4, 'assistant', $5, $2, $6 from thread
"""
