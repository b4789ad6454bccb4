"""A turn in the database: claimed, remembered step by step, ended. One statement where one is enough."""

from dataclasses import dataclass
from datetime import datetime

from contracts.chat import RunTurn, TurnStatus
from libs.db import Transaction
from libs.vault import UserKey
from services.chat import conversations, steps
from services.chat.errors import TurnHeld, TurnLost
from services.chat.steps import Step

LEASE_S = 8.0
"""Shorter than the ten seconds after which the bus delivers a lost replica's command again."""
RENEW_EVERY_S = 2.5
TITLE_CHARACTERS = 60
HISTORY_MESSAGES = 200
"""The newest so many; what is older is in no prompt, however short."""


@dataclass(frozen=True, slots=True)
class Said:
    """An earlier message of the conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """A turn this replica may run: nobody with a lower fence may write to it any more."""

    fence: int
    stop_requested: bool
    steps: tuple[Step, ...]
    history: tuple[Said, ...]
    has_read_untrusted: bool
    """Whether an earlier turn of the conversation has read what outsiders wrote."""


@dataclass(frozen=True, slots=True)
class Over:
    """A turn that ended before, with everything its last update told."""

    status: TurnStatus
    answer_id: str | None
    text: str
    engine: str | None
    model: str | None
    input_tokens: int
    output_tokens: int
    error: str | None


# The turn is claimed only when it is neither final nor under somebody's lease; all else follows from that claim.
_CLAIM = """
with claimed as (
    insert into turns (turn_id, conversation_id, status, fence, lease_until, accepted_at)
    values ($1, $2, 'running', 1, clock_timestamp() + $3 * interval '1 second', $4)
    on conflict (organization_id, user_id, turn_id) do update set
        conversation_id = excluded.conversation_id, status = 'running', fence = turns.fence + 1,
        lease_until = excluded.lease_until
        where turns.status in ('accepted', 'running') and turns.lease_until <= clock_timestamp()
    returning fence, stop_requested
), thread as (
    insert into conversations (conversation_id, title, delegation_id, created_at, updated_at, message_count)
    select $2, $5, $8, $4, $4, 1 from claimed
    on conflict (organization_id, user_id, conversation_id) do update set
        updated_at = greatest(conversations.updated_at, excluded.updated_at),
        message_count = conversations.message_count + case when (
            select 1 from messages where message_id = $6 and created_at = $4) is null then 1 else 0 end
), said as (
    insert into messages (message_id, conversation_id, turn_id, role, text, created_at)
    select $6, $2, $1, 'user', $7, $4 from claimed
    on conflict do nothing
)
select fence, stop_requested from claimed
"""

_HISTORY = """
select message_id, role, text from messages
where user_id = $1 and conversation_id = $2 and created_at < $3 and turn_id is distinct from $5
  and action_id is null
order by created_at desc, message_id limit $4
"""

_HAS_READ = """
select exists (select from turns where user_id = $1 and conversation_id = $2 and read_untrusted)
"""

_ANSWER = """
insert into messages (message_id, conversation_id, turn_id, role, engine, text, created_at)
values ($1, $2, $3, 'assistant', $4, $5, $6)
"""

_END = """
update turns set status = $2, finished_at = $3, answer_id = $4, engine = $5, model = $6,
                 input_tokens = $7, output_tokens = $8, cost_micros = $9, error = $10, acted = $12,
                 read_untrusted = $13
where turn_id = $1 and fence = $11 and status = 'running'
"""


async def claim(tx: Transaction, key: UserKey, command: RunTurn, text: str) -> Held | Over:
    """Take the turn, write down the user's message, read what is known. Raises TurnHeld under another's lease."""
    title = " ".join(text.split())[:TITLE_CHARACTERS]
    row = await tx.fetchrow(
        _CLAIM,
        command.turn_id,
        command.conversation_id,
        LEASE_S,
        command.accepted_at,
        key.seal("title", command.conversation_id, title.encode()),
        command.user_message_id,
        key.seal("message", command.user_message_id, text.encode()),
        command.delegation_id,
    )
    if row is None:
        return await _not_claimed(tx, key, command.turn_id)
    is_new = row["fence"] == 1
    return Held(
        row["fence"],
        row["stop_requested"],
        () if is_new else await _steps(tx, key, command.turn_id),
        *await _history(tx, key, command),
    )


async def _not_claimed(tx: Transaction, key: UserKey, turn_id: str) -> Over:
    row = await tx.fetchrow(
        """select t.status, t.answer_id, m.text, t.engine, t.model, t.input_tokens, t.output_tokens, t.error,
                  extract(epoch from t.lease_until - clock_timestamp())::float8 as lease_s
           from turns t
           left join messages m on m.message_id = t.answer_id and m.created_at = t.finished_at
           where t.turn_id = $1""",
        turn_id,
    )
    if row is None or row["status"] in ("accepted", "running"):
        left_s = max(0.1, row["lease_s"]) if row else 1.0
        raise TurnHeld("Another replica works on this turn.", retry_after_s=left_s)
    return Over(
        status=TurnStatus(row["status"]),
        answer_id=row["answer_id"],
        text=key.open("message", row["answer_id"], row["text"]).decode() if row["text"] else "",
        engine=row["engine"],
        model=row["model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        error=row["error"],
    )


async def _steps(tx: Transaction, key: UserKey, turn_id: str) -> tuple[Step, ...]:
    rows = await tx.fetch("select n, data from turn_steps where turn_id = $1 order by n", turn_id)
    return tuple(steps.decode(key.open("turn_step", f"{turn_id}:{row['n']}", row["data"])) for row in rows)


async def _history(tx: Transaction, key: UserKey, command: RunTurn) -> tuple[tuple[Said, ...], bool]:
    """What was said, and whether what outsiders wrote was read meanwhile."""
    user_id = tx.require_scope().user_id
    rows = await tx.fetch(
        _HISTORY, user_id, command.conversation_id, command.accepted_at, HISTORY_MESSAGES, command.regenerates
    )
    if not rows:
        return (), False
    history = tuple(
        Said(row["role"], key.open("message", row["message_id"], row["text"]).decode()) for row in reversed(rows)
    )
    return history, await tx.fetchval(_HAS_READ, user_id, command.conversation_id)


async def renew(tx: Transaction, turn_id: str, fence: int) -> bool:
    """Keep the lease for a while longer; returns whether a stop was requested meanwhile. Raises TurnLost."""
    stop_requested = await tx.fetchval(
        """update turns set lease_until = clock_timestamp() + $3 * interval '1 second'
           where turn_id = $1 and fence = $2 and status = 'running' returning stop_requested""",
        turn_id,
        fence,
        LEASE_S,
    )
    if stop_requested is None:
        raise TurnLost("Another replica took this turn over.")
    return bool(stop_requested)


async def release(tx: Transaction, turn_id: str, fence: int) -> None:
    """Give the turn up unfinished; nothing happens when somebody else has it."""
    await tx.execute(
        "update turns set lease_until = clock_timestamp() where turn_id = $1 and fence = $2 and status = 'running'",
        turn_id,
        fence,
    )


async def remember(tx: Transaction, key: UserKey, turn_id: str, fence: int, n: int, step: Step) -> None:
    """Write one step down. Raises TurnLost when a successor runs the turn."""
    tag = await tx.execute(
        """insert into turn_steps (turn_id, n, data)
           select $1, $2, $3 from turns where turn_id = $1 and fence = $4 and status = 'running' for share""",
        turn_id,
        n,
        key.seal("turn_step", f"{turn_id}:{n}", steps.encode(step)),
        fence,
    )
    if tag == "INSERT 0 0":
        raise TurnLost("Another replica took this turn over.")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended; `text` is empty when there is nothing to keep."""

    status: TurnStatus
    text: str
    answer_id: str
    engine: str | None
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_micros: int | None
    error: str | None
    acted: bool
    read_untrusted: bool
    at: datetime


async def end(tx: Transaction, key: UserKey, command: RunTurn, fence: int, ending: Ending) -> None:
    """The answer and the final state of the turn. Raises TurnLost when a successor runs it."""
    tag = await tx.execute(
        _END,
        command.turn_id,
        ending.status,
        ending.at,
        ending.answer_id if ending.text else None,
        ending.engine,
        ending.model,
        ending.input_tokens,
        ending.output_tokens,
        ending.cost_micros,
        ending.error,
        fence,
        ending.acted,
        ending.read_untrusted,
    )
    _still_ours(tag)
    if not ending.text:
        return
    if command.regenerates:
        await conversations.forget_turn(tx, command.conversation_id, command.regenerates)
    sealed = key.seal("message", ending.answer_id, ending.text.encode())
    engine, conversation_id = ending.engine, command.conversation_id
    await tx.execute(_ANSWER, ending.answer_id, conversation_id, command.turn_id, engine, sealed, ending.at)
    await tx.execute(
        "update conversations set message_count = message_count + 1, updated_at = $2 where conversation_id = $1",
        conversation_id,
        ending.at,
    )


async def forget_steps(tx: Transaction, turn_id: str) -> None:
    """A turn that ended has no use for its steps."""
    await tx.execute("delete from turn_steps where turn_id = $1", turn_id)


async def request_stop(tx: Transaction, turn_id: str, now: datetime) -> None:
    """Note a stop; also for a turn that has not begun."""
    await tx.execute(
        """insert into turns (turn_id, status, stop_requested, fence, lease_until, accepted_at)
           values ($1, 'accepted', true, 0, $2, $2)
           on conflict (organization_id, user_id, turn_id) do update set stop_requested = true
           where turns.status in ('accepted', 'running')""",
        turn_id,
        now,
    )


def _still_ours(tag: str) -> None:
    if tag.endswith(" 0"):
        raise TurnLost("Another replica took this turn over.")
