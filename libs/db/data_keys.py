"""The table of the data keys, one per user and schema, each wrapped by the master key. `libs.vault` owns its rows."""

from libs.db.security import Operations, enable_row_security, let_owner_maintain


def create_data_keys(op: Operations) -> None:
    """Deleting a row here makes everything that was sealed with it unreadable for ever."""
    op.execute(
        """
        create table data_keys (
            organization_id text not null,
            user_id text not null,
            id bytea not null,                         -- 16 random bytes, also in front of every ciphertext
            version integer not null,
            master_key_id text not null,
            wrapped bytea not null,
            created_at timestamptz not null default now(),
            primary key (organization_id, user_id, version),
            constraint ck_data_keys_id check (length(id) = 16)
        )
        """
    )
    op.execute("create index ix_data_keys_master_key_id on data_keys (master_key_id)")
    enable_row_security(op, "data_keys")
    let_owner_maintain(op, "data_keys")
