"""The outbox: a message is a row in the transaction of the state it speaks of, and leaves after the commit."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.envelope import Command, Envelope, Event, Service
from libs.bus.permissions import may_publish
from libs.bus.subjects import stream_for, subject_for
from libs.bus.topology import MAX_MESSAGE_BYTES
from libs.db import Transaction
from libs.resilience.errors import Internal, TooLarge
from libs.telemetry import current_traceparent

_WAKERS: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)
"""The relays of this process by schema; a commit that wrote a row wakes them, so nobody waits for a poll."""


def on_commit_wake(schema: str, wake: Callable[[], None]) -> Callable[[], None]:
    """Let commits that publish in this schema wake a relay; returns the function that ends it."""
    _WAKERS[schema].add(wake)
    return lambda: _WAKERS[schema].discard(wake)


class NotInContract(Internal):
    """A service tried to send what the contracts do not let it send."""

    slug = "not_in_contract"


class MessageTooLarge(TooLarge):
    """Messages carry ids and figures; what is larger belongs into a table."""

    slug = "message_too_large"


async def publish(
    tx: Transaction,
    message: Event | Command,
    *,
    deliver_at: datetime | None = None,
    id: str | None = None,
) -> str:
    """Write a message into the outbox; the relay sends it after the commit, or at `deliver_at`. Returns its id.

    A deterministic `id` makes it one message however often it is written: later ones are ignored. The scope
    is the transaction's, the trace is the current one. Raises NotInContract, MessageTooLarge.
    """
    message_type = type(message)
    if not may_publish(Service(tx.schema), message_type.subject):
        raise NotInContract(f"{tx.schema} does not send {message_type.__name__}")
    envelope = Envelope.around(message_type, source=tx.schema, scope=tx.scope, id=id, traceparent=current_traceparent())
    body = message.model_dump_json().encode()
    if len(body) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(f"{message_type.__name__} of {len(body)} bytes; a message holds {MAX_MESSAGE_BYTES}")
    await tx.execute(
        """INSERT INTO outbox (id, subject, stream, headers, body, created_at, deliver_at)
           VALUES ($1, $2, $3, $4, $5, clock_timestamp(), coalesce($6, clock_timestamp()))
           ON CONFLICT (id) DO NOTHING""",
        envelope.id,
        subject_for(message_type, tx.scope),
        stream_for(message_type),
        envelope.headers(),
        body,
        deliver_at,
    )
    for wake in _WAKERS[tx.schema]:
        tx.after_commit(wake)
    return envelope.id


async def take_back(tx: Transaction, ids: Sequence[str]) -> None:
    """Timers that are not needed any more; one that has left, or is leaving, arrives all the same."""
    await tx.execute(
        """delete from outbox where id = any(array(
               select id from outbox where id = any($1) and sent_at is null for update skip locked))""",
        list(ids),
    )


async def send_later(
    tx: Transaction,
    message: Event | Command,
    at: datetime,
    *,
    id: str | None = None,
) -> str:
    """A timer: `message` arrives at `at` (an aware moment), once, also when everything restarts meanwhile."""
    return await publish(tx, message, deliver_at=at, id=id)
