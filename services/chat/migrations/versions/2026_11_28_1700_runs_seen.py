"""When a run was last looked at; runs are forgotten some time after they were last changed."""

from alembic import op

from libs.db.security import let_owner_maintain

revision = "2026_11_28_1700"
down_revision = "2026_11_28_1600"

_TABLES = ("runs", "run_steps", "run_updates")
_FORGET = """
create function forget_runs(keep interval, at_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare old record; gone integer := 0;
begin
    if keep < interval '1 day' then raise exception 'keep must be at least a day'; end if;
    for old in
        select organization_id, user_id, run_id from runs
        where status in ('planned', 'done', 'failed', 'cancelled') and coalesce(finished_at, created_at) < now() - keep
            and coalesce(seen_at, created_at) < now() - keep
        limit at_most for update skip locked
    loop
        delete from run_updates where organization_id = old.organization_id and user_id = old.user_id
            and run_id = old.run_id;
        delete from run_steps where organization_id = old.organization_id and user_id = old.user_id
            and run_id = old.run_id;
        delete from runs where organization_id = old.organization_id and user_id = old.user_id
            and run_id = old.run_id;
        gone := gone + 1;
    end loop;
    return gone;
end $$
"""


def upgrade() -> None:
    op.execute("alter table runs add column seen_at timestamptz")
    for table in _TABLES:
        let_owner_maintain(op, table)
    op.execute(
        "create index ix_runs_age on runs (coalesce(finished_at, created_at))"
        " where status in ('planned', 'done', 'failed', 'cancelled')"
    )
    op.execute(_FORGET)


def downgrade() -> None:
    op.execute("drop function forget_runs")
    op.execute("drop index ix_runs_age")
    for table in _TABLES:
        op.execute(f"drop policy owner_maintains on {table}")
    op.execute("alter table runs drop column seen_at")
