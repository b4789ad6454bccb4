"""What each user allows by telephone, and what carries messages in and out."""

from alembic import op

from libs.db.ddl import create_bus_tables, enable_row_security

revision = "2026_11_24_0900"
down_revision = None


def upgrade() -> None:
    create_bus_tables(op)
    op.execute(
        """
        create table telephone_settings (
            organization_id text not null default current_setting('adjutant.organization_id'),
            user_id text not null default current_setting('adjutant.user_id'),
            answer_calls boolean not null default false,
            send_sms boolean not null default false,
            voice text not null,
            updated_at timestamptz not null,
            constraint pk_telephone_settings primary key (organization_id, user_id)
        )
        """
    )
    enable_row_security(op, "telephone_settings")


def downgrade() -> None:
    for table in ("telephone_settings", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")
