"""Whether a turn has read what outsiders wrote: what is planned later in its conversation may be influenced by it."""

from alembic import op

revision = "2026_11_28_1130"
down_revision = "2026_11_28_1100"


def upgrade() -> None:
    op.execute("alter table turns add column read_untrusted boolean not null default false")
    # Turns of before may have read anything: asking once too often is the safe side.
    op.execute("update turns set read_untrusted = true")


def downgrade() -> None:
    op.execute("alter table turns drop column read_untrusted")
