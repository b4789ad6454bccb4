"""Calls of tools that came with an idempotency key, so that a key belongs to one call."""

from alembic import op

from libs.db.security import enable_row_security, let_owner_maintain

revision = "2026_11_28_1300"
down_revision = "2026_11_24_1000"

_FORGET = """
create or replace function forget_what_is_over() returns void
language sql security definer set search_path from current as $$
    delete from rate_limits where window_started_at < now() - interval '1 day';
    delete from sessions where least(expires_at, revoked_at) < now() - interval '7 days';
    delete from turns where created_at < now() - interval '30 days';
    {more}
$$
"""


def upgrade() -> None:
    op.execute(
        """create table keyed_calls (
               organization_id text not null default current_setting('adjutant.organization_id'),
               user_id text not null default current_setting('adjutant.user_id'),
               execution_id text not null,
               fingerprint text not null,
               created_at timestamptz not null default clock_timestamp(),
               constraint pk_keyed_calls primary key (organization_id, user_id, execution_id)
           )"""
    )
    enable_row_security(op, "keyed_calls")
    let_owner_maintain(op, "keyed_calls")
    op.execute(_FORGET.format(more="delete from keyed_calls where created_at < now() - interval '30 days';"))


def downgrade() -> None:
    op.execute(_FORGET.format(more=""))
    op.execute("drop table keyed_calls")
