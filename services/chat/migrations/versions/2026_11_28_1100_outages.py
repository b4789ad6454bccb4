"""Which deployments are down, so that operators are told once by however many replicas find out."""

from alembic import op

from libs.db.ddl import leave_open_to_service

revision = "2026_11_28_1100"
down_revision = "2026_11_28_1000"


def upgrade() -> None:
    op.execute(
        """create table deployment_outages (
               deployment text not null,
               name text not null,
               since timestamptz not null default clock_timestamp(),
               constraint pk_deployment_outages primary key (deployment)
           )"""
    )
    leave_open_to_service(op, "deployment_outages")


def downgrade() -> None:
    op.execute("drop table deployment_outages")
