"""Opening rows of several owners: a row is sealed with the key of whoever began it."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from contracts.envelope import Scope
from libs.db import Database
from libs.vault import CiphertextRejected, UserKey, Vault


class Owned(Protocol):
    """A row with an owner."""

    @property
    def owner(self) -> Scope:
        """Whose key sealed it."""
        ...


RowT = TypeVar("RowT", bound=Owned)
ContentT = TypeVar("ContentT")


async def opened(
    rows: Iterable[RowT], open_row: Callable[[RowT, UserKey], ContentT], db: Database, vault: Vault
) -> list[tuple[RowT, ContentT]]:
    """Each row with its content, in the order given; without those whose owner's key was erased."""
    given, keys = list(rows), dict[Scope, UserKey]()
    for owner in dict.fromkeys(row.owner for row in given):
        async with db.reading(owner) as tx:
            keys[owner] = await vault.user_key(tx)
    found = []
    for row in given:
        try:
            found.append((row, open_row(row, keys[row.owner])))
        except CiphertextRejected:
            continue  # who began it is gone, with all that was said
    return found
