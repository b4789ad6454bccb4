"""What became of an action that a turn proposed or that was held back: said in its conversation once it is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.actions import ActionDecided
from contracts.chat import RunTurn
from contracts.ids import new_id
from contracts.tool import ExecutionFinished
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.chat.deps import Chat

PURPOSE = "followup"
SAID = {
    "done": "Done: {title}.",
    "failed": "Not done: {title}. It did not work; the reason stands under Actions.",
    "unknown": "{title}: it is not certain whether this was done. Please look before asking again.",
    "declined": "Not done, as you decided: {title}.",
    "expired": "Not done: {title}. Nobody decided in time.",
    "withdrawn": "Withdrawn before it was done: {title}.",
}


@dataclass(frozen=True, slots=True)
class Awaited:
    """An action whose conversation waits to hear of it; the title has no words of outsiders."""

    action_id: str
    title: str
    place: int
    is_asked_about: bool = False
    """Whether its user was asked last which of several they mean."""


async def expect(tx: Transaction, key: UserKey, command: RunTurn, action_id: str, title: str) -> None:
    """The conversation of this turn waits to hear of it."""
    await tx.execute(
        """insert into followups (action_id, conversation_id, turn_id, title) values ($1, $2, $3, $4)
           on conflict do nothing""",
        action_id,
        command.conversation_id,
        command.turn_id,
        key.seal(PURPOSE, action_id, title.encode()),
    )


async def note_shown(tx: Transaction, action_id: str, turn_id: str, place: int) -> None:
    """All of it stands below the answer of this turn, under this number."""
    await tx.execute("update followups set shown_in = $2, place = $3 where action_id = $1", action_id, turn_id, place)


async def show_again(tx: Transaction, action_ids: Sequence[str], turn_id: str) -> None:
    """These can still be decided after this turn, which only asked which is meant."""
    await tx.execute("update followups set shown_in = $2 where action_id = any($1)", list(action_ids), turn_id)


async def shown_before(tx: Transaction, key: UserKey, command: RunTurn) -> tuple[Awaited, ...]:
    """What the last turn of the conversation before this one has shown whole, in the order in which it did.

    None while that turn was still running when this message was sent: nobody agrees to what they have not seen.
    """
    rows = await tx.fetch(_SHOWN_BEFORE, command.conversation_id, command.turn_id, command.accepted_at)
    return tuple(Awaited(row["action_id"], _title(key, row), row["place"], row["is_asked_about"]) for row in rows)


async def take(tx: Transaction, action_id: str) -> bool:
    """Whether it is still to be said what became of this: from now on by whoever asks."""
    return await tx.fetchval("delete from followups where action_id = $1 returning 1", action_id) is not None


async def hear_end(event: ExecutionFinished, tx: Transaction, deps: Chat) -> None:
    """It was done, or could not be."""
    await _say(tx, await deps.vault.user_key(tx), event.execution_id, event.status)


async def hear_word(event: ActionDecided, tx: Transaction, deps: Chat) -> None:
    """Its user decided; what they approved is said when it is done."""
    if event.decision in SAID:
        await _say(tx, await deps.vault.user_key(tx), event.action_id, event.decision)


async def _say(tx: Transaction, key: UserKey, action_id: str, what: str) -> None:
    row = await tx.fetchrow(
        "delete from followups where action_id = $1 returning action_id, conversation_id, turn_id, title", action_id
    )
    if row is None:
        return
    text = SAID[what].format(title=_title(key, row))
    message_id, now = new_id("m"), datetime.now(UTC)
    await tx.execute(
        _SAY,
        row["conversation_id"],
        now,
        message_id,
        row["turn_id"],
        key.seal("message", message_id, text.encode()),
    )


def _title(key: UserKey, row: Row) -> str:
    return key.open(PURPOSE, row["action_id"], row["title"]).decode()


_SHOWN_BEFORE = """
with before as (
    select turn_id, finished_at from turns where conversation_id = $1 and turn_id <> $2 and accepted_at < $3
    order by accepted_at desc limit 1
)
select action_id, title, place, followups.turn_id <> shown_in as is_asked_about
from followups join before on shown_in = before.turn_id
where conversation_id = $1 and before.finished_at <= $3
order by place
"""

# Nothing is said in a conversation that was deleted meanwhile.
_SAY = """
with thread as (
    update conversations set message_count = message_count + 1, updated_at = $2 where conversation_id = $1
    returning conversation_id
)
insert into messages (message_id, conversation_id, turn_id, role, text, created_at)
select $3, conversation_id, $4, 'assistant', $5, $2 from thread
"""
