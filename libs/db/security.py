"""Row-level security: the second fence around a person's rows, after the `where` of the query.

The rule compares a row's owner with the scope of the transaction. Three traps it avoids, each seen in a test:
an owner of a table is exempt unless security is forced; a setting that was once set reads '' and not null in
later transactions (hence `nullif`); and a partition read directly knows nothing of its parent's policy (hence no
grants on partitions, see `libs.db.grants`).
"""

from typing import Protocol

_OWN = (
    "organization_id = nullif(current_setting('adjutant.organization_id', true), '')"
    " and user_id = nullif(current_setting('adjutant.user_id', true), '')"
)


class Operations(Protocol):
    """The part of Alembic's `op` that the helpers need."""

    def execute(self, sqltext: str) -> None:
        """Run a statement in the migration's transaction."""


def enable_row_security(op: Operations, table: str) -> None:
    """Only the scope's own rows exist: for reading, and for writing too, so nobody plants a row in another's name.

    The table has `organization_id text not null` and `user_id text not null`.
    """
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy own_rows on {table} using ({_OWN}) with check ({_OWN})")


def enable_row_security_with_secret(
    op: Operations, table: str, *, column: str, setting: str, writable: bool = False
) -> None:
    """As above; and a transaction that knows the secret in `column` sees that one row without knowing whose it is.

    The caller shows it by `await tx.present(setting, value)`; `column` is text, best a hash, and indexed. It can
    read the row only, or with `writable` also change and delete it (a single-use token).
    """
    enable_row_security(op, table)
    shown = f"{column} = nullif(current_setting('adjutant.{setting}', true), '')"
    if writable:
        op.execute(f"create policy by_{setting} on {table} using ({shown}) with check ({shown})")
    else:
        op.execute(f"create policy by_{setting} on {table} for select using ({shown})")


def leave_open_to_service(op: Operations, table: str) -> None:
    """Say in the open that a service sees this table's rows of all users: work has to be found before it is known whose
    it is. Such a table holds ids and moments, nothing that anybody wrote."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy open_to_service on {table} using (true) with check (true)")


def let_owner_maintain(op: Operations, table: str) -> None:
    """Let the migrating role, and no service, see every row: for work such as the rotation of the master key."""
    op.execute(f"create policy owner_maintains on {table} to current_user using (true) with check (true)")
