"""Retention is for what happened: a repository or a page is kept as long as it exists. And a stream remembers that its
provider would not let it be watched."""

from alembic import op

revision = "2026_11_28_1000"
down_revision = "2026_11_28_0900"

_FORGET = """
create or replace function forget_old(keep_activities interval, keep_runs interval, at_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare activities_gone integer; runs_gone integer;
begin
    delete from activities where ctid = any(array(
        select ctid from activities where at < now() - keep_activities {only} limit at_most));
    get diagnostics activities_gone = row_count;
    delete from sync_runs where ctid = any(array(
        select ctid from sync_runs where started_at < now() - keep_runs limit at_most));
    get diagnostics runs_gone = row_count;
    return activities_gone + runs_gone;
end $$
"""
_HAPPENED = "and kind not in ('repository', 'page', 'database', 'channel', 'member')"


def upgrade() -> None:
    op.execute(_FORGET.format(only=_HAPPENED))
    op.execute("alter table streams add column watch_refused_at timestamptz")


def downgrade() -> None:
    op.execute("alter table streams drop column watch_refused_at")
    op.execute(_FORGET.format(only=""))
