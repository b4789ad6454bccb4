"""Executions that wait for their user's decision, or are held back for a moment; standing rules of consent."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_28_1200"
down_revision = "2026_11_28_1000"

_COLUMNS = """
alter table executions
    add column preview bytea,
    add column timezone text not null default 'UTC',
    add column expires_at timestamptz,
    add column due_at timestamptz,
    add column undo_until timestamptz,
    add column undone_by text,
    add column proposed_at timestamptz
"""
_CONSTRAINTS = {
    "status": "status in ('proposed', 'held', 'claimed', 'done', 'failed', 'unknown', 'declined', 'expired',"
    " 'withdrawn')",
    "finished_when_final": "(status in ('proposed', 'held', 'claimed')) = (finished_at is null)",
    "fence_counts": "fence >= 0",
    "proposed_until": "status <> 'proposed' or (preview is not null and expires_at is not null)",
    "held_until": "status <> 'held' or due_at is not null",
}
_RULES = """
create table consent_rules (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    rule_id text not null,
    tool text not null,
    verdict text not null,
    recipient text not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint pk_consent_rules primary key (organization_id, user_id, rule_id),
    constraint uq_consent_rules_tool unique (organization_id, user_id, tool, recipient),
    constraint ck_consent_rules_verdict check (verdict in ('allow', 'ask', 'never'))
)
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
    for name in ("status", "finished_when_final", "fence_counts"):
        op.execute(f"alter table executions drop constraint ck_executions_{name}")
    for name, check in _CONSTRAINTS.items():
        op.execute(f"alter table executions add constraint ck_executions_{name} check ({check})")
    op.execute(
        """create index ix_executions_shown on executions (user_id, proposed_at desc)
           where proposed_at is not null"""
    )
    op.execute(_RULES)
    enable_row_security(op, "consent_rules")


def downgrade() -> None:
    op.execute("drop table consent_rules")
    op.execute("delete from executions where status in ('proposed', 'held', 'declined', 'expired', 'withdrawn')")
    op.execute("drop index ix_executions_shown")
    for name in _CONSTRAINTS:
        op.execute(f"alter table executions drop constraint ck_executions_{name}")
    op.execute(
        """alter table executions drop column preview, drop column timezone, drop column expires_at,
               drop column due_at, drop column undo_until, drop column undone_by, drop column proposed_at,
               add constraint ck_executions_status check (status in ('claimed', 'done', 'failed', 'unknown')),
               add constraint ck_executions_finished_when_final
                   check ((status = 'claimed') = (finished_at is null)),
               add constraint ck_executions_fence_counts check (fence > 0)"""
    )
