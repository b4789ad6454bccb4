"""Notes, keys, and what carries messages."""

from alembic import op

from libs.db.ddl import (
    create_bus_tables,
    create_data_keys,
    enable_row_security,
    enable_row_security_with_secret,
    partition_by_month,
)

revision = "2026_11_24_0900"
down_revision = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    op.execute(
        """
        create table notes (
            id text not null,
            created_at timestamptz not null,
            organization_id text not null,
            user_id text not null,
            text text not null,
            constraint pk_notes primary key (id, created_at)
        ) partition by range (created_at)
        """
    )
    op.execute("create index ix_notes_user_id_created_at on notes (user_id, created_at)")
    enable_row_security(op, "notes")
    partition_by_month(op, "notes")
    op.execute(
        """
        create table keys (
            id text not null,
            organization_id text not null,
            user_id text not null,
            hash text not null,
            constraint pk_keys primary key (id),
            constraint uq_keys_hash unique (hash)
        )
        """
    )
    enable_row_security_with_secret(op, "keys", column="hash", setting="presented_hash")
