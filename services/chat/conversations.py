"""Conversations as their owner sees them: list, read a page, delete. Those of outsiders are shown by their link, apart
from the owner's own."""

import base64
import binascii
from datetime import datetime

from contracts.chat import TurnStatus, TurnView
from contracts.conversations import ConversationPage, ConversationSummary, ConversationView, MessageView
from contracts.ids import ConversationId, MessageId, TurnId, is_id
from libs.db import Row, Transaction
from libs.resilience.errors import InvalidInput
from libs.vault import UserKey
from services.chat.errors import ConversationNotFound, TurnNotFound, TurnNotRepeatable

MAX_CONVERSATIONS = 100
MAX_MESSAGES = 500


class MalformedCursor(InvalidInput):
    """Not a cursor this service gave."""

    slug = "malformed_cursor"


async def find(tx: Transaction, conversation_id: str, delegation_id: str | None = None) -> bool:
    """Whether it is there and the user's own; with a `delegation_id`: one with an outsider who came by that link."""
    found = await tx.fetchval(
        "select 1 from conversations where conversation_id = $1 and delegation_id is not distinct from $2",
        conversation_id,
        delegation_id,
    )
    return found is not None


async def page(
    tx: Transaction, key: UserKey, limit: int, cursor: str | None, delegation_id: str | None = None
) -> ConversationPage:
    """Newest first; `delegation_id` as in `find`. Raises MalformedCursor."""
    limit = max(1, min(limit, MAX_CONVERSATIONS))
    before, before_id = _read_cursor(cursor)
    rows = await tx.fetch(
        """select conversation_id, title, created_at, updated_at, message_count from conversations
           where user_id = $1 and delegation_id is not distinct from $5
             and ($2::timestamptz is null or (updated_at, conversation_id) < ($2, $3))
           order by updated_at desc, conversation_id desc limit $4""",
        tx.require_scope().user_id,
        before,
        before_id,
        limit + 1,
        delegation_id,
    )
    shown = rows[:limit]
    more = _write_cursor(shown[-1]["updated_at"], shown[-1]["conversation_id"]) if len(rows) > limit else None
    return ConversationPage(conversations=tuple(_summary(row, key) for row in shown), next_cursor=more)


async def view(
    tx: Transaction, key: UserKey, conversation_id: str, limit: int, cursor: str | None, delegation_id: str | None
) -> ConversationView:
    """A conversation with a page of its messages, the newest unless a cursor says before what. `delegation_id` as in
    `find`."""
    limit = max(1, min(limit, MAX_MESSAGES))
    conversation = await tx.fetchrow(
        """select conversation_id, title, created_at, updated_at, message_count from conversations
           where conversation_id = $1 and delegation_id is not distinct from $2""",
        conversation_id,
        delegation_id,
    )
    if conversation is None:
        raise ConversationNotFound("There is no such conversation.")
    before, before_id = _read_cursor(cursor)
    rows = await tx.fetch(
        """select message_id, turn_id, role, engine, text, created_at, action_id from messages
           where user_id = $1 and conversation_id = $2
             and ($3::timestamptz is null or (created_at, message_id) < ($3, $4))
           order by created_at desc, message_id desc limit $5""",
        tx.require_scope().user_id,
        conversation_id,
        before,
        before_id,
        limit + 1,
    )
    shown = rows[:limit]
    more = _write_cursor(shown[-1]["created_at"], shown[-1]["message_id"]) if len(rows) > limit else None
    messages = tuple(_message(row, key) for row in reversed(shown))
    return ConversationView(summary=_summary(conversation, key), messages=messages, earlier_cursor=more)


async def delete(tx: Transaction, conversation_id: str) -> None:
    """The conversation, its messages, its turns and their steps. Raises ConversationNotFound.

    A turn that still runs is over with it. Its row stays, without a trace of what it was about: were it gone, the
    command, delivered again, would begin the turn anew and bring the conversation back. Turns come first, in the
    order in which a turn that ends takes its locks.
    """
    user_id = tx.require_scope().user_id
    running = await tx.fetch(
        """update turns set status = 'stopped', stop_requested = true, finished_at = clock_timestamp()
           where user_id = $1 and conversation_id = $2 and status in ('accepted', 'running') returning turn_id""",
        user_id,
        conversation_id,
    )
    ended = [row["turn_id"] for row in running]
    await tx.execute(
        """delete from turn_steps where turn_id in (
               select turn_id from turns where user_id = $1 and conversation_id = $2)""",
        user_id,
        conversation_id,
    )
    await tx.execute("delete from messages where user_id = $1 and conversation_id = $2", user_id, conversation_id)
    await tx.execute("delete from followups where user_id = $1 and conversation_id = $2", user_id, conversation_id)
    await tx.execute(
        "delete from turns where user_id = $1 and conversation_id = $2 and turn_id <> all($3::text[])",
        user_id,
        conversation_id,
        ended,
    )
    await tx.execute("update turns set conversation_id = null where turn_id = any($1::text[])", ended)
    tag = await tx.execute("delete from conversations where conversation_id = $1", conversation_id)
    if tag == "DELETE 0":
        raise ConversationNotFound("There is no such conversation.")


async def question(tx: Transaction, key: UserKey, turn_id: str) -> tuple[ConversationId, str]:
    """Conversation and text of a turn that may be answered anew. Raises TurnNotFound, TurnNotRepeatable."""
    row = await tx.fetchrow(
        """select t.conversation_id, t.finished_at, t.acted, m.message_id, m.text, exists (
                      select from turns later where later.user_id = $2 and later.conversation_id = t.conversation_id
                          and later.accepted_at > t.accepted_at) as has_later
           from turns t join messages m on m.user_id = $2 and m.conversation_id = t.conversation_id
                and m.turn_id = t.turn_id and m.role = 'user'
                join conversations c on c.conversation_id = t.conversation_id and c.delegation_id is null
           where t.turn_id = $1""",
        turn_id,
        tx.require_scope().user_id,
    )
    if row is None:
        raise TurnNotFound("There is no such turn.")
    for is_so, why in (
        (row["finished_at"] is None, "It is still being answered: stop it first."),
        (row["acted"], "It has changed something outside, which would happen again: ask anew instead."),
        (row["has_later"], "The conversation has gone on since: only its last turn is answered anew."),
    ):
        if is_so:
            raise TurnNotRepeatable(why)
    return ConversationId(row["conversation_id"]), key.open("message", row["message_id"], row["text"]).decode()


async def forget_turn(tx: Transaction, conversation_id: str, turn_id: str) -> None:
    """Take the messages of a turn out of their conversation; the turn itself stays on record."""
    tag = await tx.execute(
        "delete from messages where user_id = $1 and conversation_id = $2 and turn_id = $3",
        tx.require_scope().user_id,
        conversation_id,
        turn_id,
    )
    await tx.execute(
        "update conversations set message_count = message_count - $2 where conversation_id = $1",
        conversation_id,
        int(tag.split()[-1]),
    )


async def turn(tx: Transaction, key: UserKey, turn_id: str) -> TurnView:
    """Where a turn stands, with its answer. Raises TurnNotFound."""
    row = await tx.fetchrow(
        """select turn_id, conversation_id, status, error, answer_id, finished_at from turns
           where turn_id = $1 and conversation_id is not null""",
        turn_id,
    )
    if row is None:
        raise TurnNotFound("There is no such turn.")
    answer = None
    if row["answer_id"]:
        # The answer is written at the very moment the turn ends: this finds its partition.
        answer = await tx.fetchrow(
            """select message_id, turn_id, role, engine, text, created_at, action_id from messages
               where message_id = $1 and created_at = $2""",
            row["answer_id"],
            row["finished_at"],
        )
    return TurnView(
        turn_id=TurnId(row["turn_id"]),
        conversation_id=ConversationId(row["conversation_id"]),
        status=TurnStatus(row["status"]),
        answer=_message(answer, key) if answer else None,
        error=row["error"],
    )


def _summary(row: Row, key: UserKey) -> ConversationSummary:
    conversation_id = row["conversation_id"]
    return ConversationSummary(
        conversation_id=conversation_id,
        title=key.open("title", conversation_id, row["title"]).decode(),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        message_count=row["message_count"],
    )


def _message(row: Row, key: UserKey) -> MessageView:
    return MessageView(
        message_id=MessageId(row["message_id"]),
        role=row["role"],
        text=key.open("message", row["message_id"], row["text"]).decode(),
        created_at=row["created_at"],
        turn_id=TurnId(row["turn_id"]),
        engine=row["engine"],
        action_id=row["action_id"],
    )


def _write_cursor(moment: datetime, id: str) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{id}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[datetime | None, str]:
    if cursor is None:
        return None, ""
    try:
        moment, _, row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise MalformedCursor("The cursor is not one of this API's.") from error
    if at.tzinfo is None or not is_id(row_id):
        raise MalformedCursor("The cursor is not one of this API's.")
    return at, row_id
