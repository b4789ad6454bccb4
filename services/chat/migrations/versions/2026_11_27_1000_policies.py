"""What organizations allow of models, and an operator's exceptions to quotas."""

from alembic import op

from libs.db.ddl import leave_open_to_service

revision = "2026_11_27_1000"
down_revision = "2026_11_27_0900"

_TABLES = {
    "model_policies": """
        organization_id text not null,
        feature text not null,
        allowed text[],
        quality_floor integer not null default 1,
        ceiling_micros bigint,
        prefers text not null default 'quality',
        updated_at timestamptz not null default now(),
        constraint pk_model_policies primary key (organization_id, feature),
        constraint ck_model_policies_quality check (quality_floor between 1 and 10),
        constraint ck_model_policies_prefers check (prefers in ('quality', 'price', 'speed'))
""",
    "quota_exceptions": """
        exception_id text not null,
        organization_id text not null,
        factor double precision not null,
        until timestamptz not null,
        reason text not null,
        granted_by text not null,
        granted_at timestamptz not null default now(),
        constraint pk_quota_exceptions primary key (exception_id),
        constraint ck_quota_exceptions_factor check (factor > 0)
""",
}


def upgrade() -> None:
    for table, columns in _TABLES.items():
        op.execute(f"create table {table} ({columns})")
        leave_open_to_service(op, table)
    op.execute("create index ix_quota_exceptions_organization on quota_exceptions (organization_id, until)")
    # An audit trail: what was granted is never changed.
    for verb in ("update", "delete"):
        op.execute(f"create policy never_{verb} on quota_exceptions as restrictive for {verb} using (false)")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"drop table {table}")
