"""The three tables that carry messages in and out of a schema. `libs.bus` is their only reader and writer.

They are not under row security: the relay works for everybody, and their rows are short-lived.
"""

from libs.db.security import Operations


def create_bus_tables(op: Operations) -> None:
    """outbox: what this schema's transactions say to others. inbox: what was handled. dead_letters: what could not be.

    A row of the outbox stays for 14 days after it was sent, so that a lost stream can be rebuilt from it.
    """
    for statement in (_OUTBOX, _OUTBOX_DUE, _INBOX, _DEAD_LETTERS, _DEAD_LETTERS_WAITING):
        op.execute(statement)


_OUTBOX = """
create table outbox (
    id text primary key,                             -- the event id, also its Nats-Msg-Id
    subject text not null,
    stream text not null,
    headers jsonb not null,
    body bytea not null,
    created_at timestamptz not null default now(),
    deliver_at timestamptz not null default now(),   -- in the future: a timer
    sent_at timestamptz                              -- set after the broker's acknowledgement
) with (autovacuum_vacuum_scale_factor = 0.05)
"""
_OUTBOX_DUE = "create index ix_outbox_due on outbox (deliver_at) where sent_at is null"
_INBOX = """
create table inbox (
    consumer text not null,
    event_id text not null,
    handled_at timestamptz not null default now(),
    primary key (consumer, event_id)
)
"""
_DEAD_LETTERS = """
create table dead_letters (
    id bigint generated always as identity primary key,
    consumer text not null,
    event_id text not null,
    subject text not null,
    stream text not null,
    headers jsonb not null,
    body bytea not null,
    error_slug text not null,
    error_detail text not null,
    trace_id text,
    attempts integer not null,
    failed_at timestamptz not null default now(),
    state text not null default 'waiting',
    constraint ck_dead_letters_state check (state in ('waiting', 'replayed', 'discarded'))
)
"""
_DEAD_LETTERS_WAITING = "create index ix_dead_letters_waiting on dead_letters (failed_at) where state = 'waiting'"
