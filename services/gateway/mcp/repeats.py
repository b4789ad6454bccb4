"""Calls that may be repeated: one key, one effect, and never the answer to another question."""

import re
from typing import Any

from contracts.envelope import Scope
from contracts.ids import ExecutionId, new_id
from libs.db import Database
from services.gateway.errors import IdempotencyKeyReused
from services.gateway.mcp.errors import MalformedIdempotencyKey
from services.gateway.signing import Signer, digest

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def fresh_id() -> ExecutionId:
    """For a call without a key: nobody can send it twice."""
    return ExecutionId(new_id("x"))


def checked_key(given: Any) -> str | None:
    """The key of a call, if it has one. Raises MalformedIdempotencyKey."""
    if given is None:
        return None
    if not isinstance(given, str) or not _KEY.fullmatch(given):
        raise MalformedIdempotencyKey("The idempotency key of this call cannot be used.")
    return given


async def keyed_id(db: Database, signer: Signer, scope: Scope, key: str, call: str) -> ExecutionId:
    """The id that belongs to this key of this user, always the same; `call` is the tool with its arguments.

    Raises IdempotencyKeyReused when the key came with another call before.
    """
    execution = ExecutionId(f"x_{digest(f'mcp|{scope.user_id}|{key}')[:32]}")
    # Signed, not hashed: arguments are personal, and few enough to be guessed.
    signed = f"mcp_call.{execution}.{call}"
    async with db.transaction(scope) as tx:
        await tx.execute(
            "insert into keyed_calls (execution_id, fingerprint) values ($1, $2) on conflict do nothing",
            execution,
            signer.sign(signed),
        )
        first = await tx.fetchval("select fingerprint from keyed_calls where execution_id = $1", execution)
    if first is None or not signer.verifies(signed, first):
        raise IdempotencyKeyReused("This idempotency key came with another call before.")
    return execution
