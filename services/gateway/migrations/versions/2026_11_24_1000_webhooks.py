"""What providers sent to introduce themselves."""

from alembic import op

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"


def upgrade() -> None:
    op.execute(
        """create table webhook_handshakes (
               provider text not null,
               body bytea not null,
               received_at timestamptz not null,
               constraint pk_webhook_handshakes primary key (provider)
           )"""
    )


def downgrade() -> None:
    op.execute("drop table webhook_handshakes")
