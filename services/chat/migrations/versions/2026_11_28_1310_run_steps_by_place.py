"""Steps are named by their place in the plan: their ids may be somebody's words, and lie sealed."""

from alembic import op

revision = "2026_11_28_1310"
down_revision = "2026_11_28_1300"


def upgrade() -> None:
    # Runs of the hour between the two migrations were sealed by step id and cannot be opened by place.
    op.execute("truncate run_steps, run_updates, runs")
    op.execute("alter table run_steps drop constraint pk_run_steps")
    op.execute("alter table run_steps drop column step_id")
    op.execute("alter table run_steps rename column position to place")
    op.execute(
        "alter table run_steps add constraint pk_run_steps primary key (organization_id, user_id, run_id, place)"
    )


def downgrade() -> None:
    op.execute("alter table run_steps drop constraint pk_run_steps")
    op.execute("alter table run_steps rename column place to position")
    op.execute("alter table run_steps add column step_id text")
    op.execute("update run_steps set step_id = position::text")
    op.execute("alter table run_steps alter column step_id set not null")
    op.execute(
        "alter table run_steps add constraint pk_run_steps primary key (organization_id, user_id, run_id, step_id)"
    )
