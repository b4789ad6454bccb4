"""What became of an action that a turn proposed or that was held back: said in its conversation once it is known."""

from datetime import UTC, datetime

from contracts.actions import ActionDecided
from contracts.chat import RunTurn
from contracts.ids import new_id
from contracts.tool import ExecutionFinished
from libs.db import Transaction
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


async def hear_end(event: ExecutionFinished, tx: Transaction, deps: Chat) -> None:
    """It was done, or could not be."""
    await _say(tx, await deps.vault.user_key(tx), event.execution_id, event.status)


async def hear_word(event: ActionDecided, tx: Transaction, deps: Chat) -> None:
    """Its user decided; what they approved is said when it is done."""
    if event.decision in SAID:
        await _say(tx, await deps.vault.user_key(tx), event.action_id, event.decision)


async def _say(tx: Transaction, key: UserKey, action_id: str, what: str) -> None:
    row = await tx.fetchrow(
        "delete from followups where action_id = $1 returning conversation_id, turn_id, title", action_id
    )
    if row is None:
        return
    text = SAID[what].format(title=key.open(PURPOSE, action_id, row["title"]).decode())
    message_id, now = new_id("m"), datetime.now(UTC)
    await tx.execute(
        _SAY,
        row["conversation_id"],
        now,
        message_id,
        row["turn_id"],
        key.seal("message", message_id, text.encode()),
    )


# Nothing is said in a conversation that was deleted meanwhile.
_SAY = """
with thread as (
    update conversations set message_count = message_count + 1, updated_at = $2 where conversation_id = $1
    returning conversation_id
)
insert into messages (message_id, conversation_id, turn_id, role, text, created_at)
select $3, conversation_id, $4, 'assistant', $5, $2 from thread
"""
