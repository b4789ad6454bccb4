"""`Idempotency-Key`: a client's own name for a request, so that it may repeat it."""

import hashlib
from typing import Annotated

from fastapi import Header

from contracts.envelope import Scope

IdempotencyKey = Annotated[str | None, Header(pattern=r"^[\x21-\x7e]{1,255}$")]


def derived_id(prefix: str, scope: Scope, key: str) -> str:
    """The id of this kind that belongs to a user's Idempotency-Key, always the same."""
    return f"{prefix}_{hashlib.sha256(f'{prefix}|{scope.user_id}|{key}'.encode()).hexdigest()[:32]}"
