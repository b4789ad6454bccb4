"""Deliveries of providers' notifications, so that a repetition is recognised. Ids only, of nobody in particular."""

from alembic import op

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"


def upgrade() -> None:
    op.execute(
        """create table webhook_deliveries (
               provider text not null,
               delivery_id text not null,
               received_at timestamptz not null,
               constraint pk_webhook_deliveries primary key (provider, delivery_id)
           )"""
    )
    op.execute("create index ix_webhook_deliveries_age on webhook_deliveries (received_at)")
    op.execute(
        """create table webhook_handshakes (
               provider text not null,
               body bytea not null,
               received_at timestamptz not null,
               constraint pk_webhook_handshakes primary key (provider)
           )"""
    )


def downgrade() -> None:
    op.execute("drop table webhook_deliveries")
    op.execute("drop table webhook_handshakes")
