"""What is too old goes, of all users: a function of the owner, because the service sees one user at a time."""

from alembic import op

from libs.db.security import let_owner_maintain

revision = "2026_11_27_1000"
down_revision = "2026_11_27_0900"

_FORGET = """
create function forget_old(keep_activities interval, keep_runs interval, at_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare activities_gone integer; runs_gone integer;
begin
    delete from activities where ctid = any(array(
        select ctid from activities where at < now() - keep_activities limit at_most));
    get diagnostics activities_gone = row_count;
    delete from sync_runs where ctid = any(array(
        select ctid from sync_runs where started_at < now() - keep_runs limit at_most));
    get diagnostics runs_gone = row_count;
    return activities_gone + runs_gone;
end $$
"""


def upgrade() -> None:
    for table in ("activities", "sync_runs"):
        let_owner_maintain(op, table)
    op.execute("create index ix_activities_age on activities (at)")
    op.execute("create index ix_sync_runs_age on sync_runs (started_at)")
    op.execute(_FORGET)


def downgrade() -> None:
    op.execute("drop function forget_old")
    op.execute("drop index ix_sync_runs_age")
    op.execute("drop index ix_activities_age")
    for table in ("activities", "sync_runs"):
        op.execute(f"drop policy owner_maintains on {table}")
