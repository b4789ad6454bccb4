"""The ledger: what makes an effect happen once.

A row is written, with a lease, before the provider is called. Whoever finds a claimed row whose lease has run
out takes it over with a higher fence and looks at the provider before doing anything. The lease is longer than one
try at a provider may take and is renewed before each, so that a takeover never meets a call still under way.
Measured elsewhere: check-send-record doubled 185 of 7,000 mails under kill -9, this none.
"""

from dataclasses import dataclass
from datetime import datetime

from contracts.actions import call_digest
from contracts.tool import ExecutionStatus
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.tool.errors import ExecutionConflict, ExecutionInProgress
from services.tool.roots import UNKNOWN, Roots

ATTEMPT_S = 10.0
"""One try at a provider: the token, a look, the call."""
SETTLE_S = 5.0
"""What a provider may need to show what it did, after the call that did it was given up."""
LEASE_S = ATTEMPT_S + SETTLE_S
ARGUMENTS, RESULT, PREVIEW = "execution_arguments", "execution_result", "execution_preview"
ROOTS = "execution_roots"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, as it stands in the command. `asked_at` is when."""

    execution_id: str
    tool: str
    arguments_json: str
    asked_at: datetime
    timezone: str = "UTC"
    roots: Roots = UNKNOWN

    @property
    def digest(self) -> bytes:
        """The same for the same request however its JSON is laid out; another for every execution id."""
        return call_digest(self.execution_id, self.tool, self.arguments_json)


@dataclass(frozen=True, slots=True)
class Opening:
    """How an execution that is new enters the ledger: claimed, proposed until a moment, or held until one."""

    status: ExecutionStatus = ExecutionStatus.CLAIMED
    until: datetime | None = None
    preview_json: str | None = None


AT_ONCE = Opening()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act until the lease ends. `is_first`: nobody can have called the provider before."""

    execution_id: str
    fence: int
    asked_at: datetime
    entered_at: datetime
    is_first: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ended. `result_json` when done; error slug and a sentence when failed or unknown."""

    status: ExecutionStatus
    result_json: str | None = None
    provider_ref: str | None = None
    error: str | None = None
    detail: str | None = None
    preview_json: str | None = None
    """What a person reads of an action that waits for a decision, or did."""
    undo_until: datetime | None = None
    is_new: bool = False
    """Whether it has entered the ledger just now, by this transaction."""


async def is_known(tx: Transaction, execution_id: str) -> bool:
    """Whether it is in the ledger, however it stands."""
    return await tx.fetchval("select true from executions where execution_id = $1", execution_id) or False


async def standing(tx: Transaction, key: UserKey, request: Request) -> Ending | None:
    """How it stands, if it is known and not claimed. Raises ExecutionConflict."""
    row = await _standing(tx, request.execution_id, lock=False)
    if row is None or row["status"] == ExecutionStatus.CLAIMED:
        return None
    _require_same(row, request)
    return _ending(row, key)


async def claim(tx: Transaction, key: UserKey, request: Request, opening: Opening = AT_ONCE) -> Claim | Ending:
    """Claim the execution, or say how it stands. Raises ExecutionInProgress, ExecutionConflict."""
    is_claimed = opening.status is ExecutionStatus.CLAIMED
    preview = opening.preview_json
    entered_at = await tx.fetchval(
        _ENTER,
        request.execution_id,
        request.tool,
        request.digest,
        key.seal(ARGUMENTS, request.execution_id, request.arguments_json.encode()),
        LEASE_S,
        request.asked_at,
        opening.status,
        1 if is_claimed else 0,
        None if preview is None else key.seal(PREVIEW, request.execution_id, preview.encode()),
        request.timezone,
        opening.until,
        None if request.roots == UNKNOWN else sealed_roots(key, request.execution_id, request.roots),
    )
    if entered_at is not None:
        if not is_claimed:
            return Ending(opening.status, preview_json=preview, is_new=True)
        return Claim(request.execution_id, 1, request.asked_at, entered_at, is_first=True)
    row = await _standing(tx, request.execution_id, lock=True)
    if row is None:
        raise ExecutionInProgress("The execution is being changed at this moment.", retry_after_s=1)
    _require_same(row, request)
    if row["status"] != ExecutionStatus.CLAIMED:
        return _ending(row, key)
    if row["lease_left_s"] > 0:
        raise ExecutionInProgress("The execution is under way.", retry_after_s=row["lease_left_s"])
    return await _take_over(tx, row)


async def renew(tx: Transaction, held: Claim) -> None:
    """Extend the lease for one more provider call. Raises ExecutionInProgress when somebody took over."""
    tag = await tx.execute(
        """update executions set lease_until = clock_timestamp() + make_interval(secs => $3)
           where execution_id = $1 and fence = $2 and status = 'claimed'""",
        held.execution_id,
        held.fence,
        LEASE_S,
    )
    _require_held(tag)


async def take(tx: Transaction, key: UserKey, execution_id: str) -> tuple[Claim, Request] | Ending | None:
    """Claim what was approved or held back and is due; or say how it stands. None: there is no such execution.

    Raises ExecutionInProgress.
    """
    row = await _standing(tx, execution_id, lock=True)
    if row is None:
        return None
    if row["status"] == ExecutionStatus.HELD:
        if row["due_in_s"] > 0:
            raise ExecutionInProgress("This is held back for a moment.", retry_after_s=row["due_in_s"])
        return await _take_over(tx, row), _request(row, key)
    if row["status"] != ExecutionStatus.CLAIMED:
        return _ending(row, key)
    if row["lease_left_s"] > 0:
        raise ExecutionInProgress("The execution is under way.", retry_after_s=row["lease_left_s"])
    return await _take_over(tx, row), _request(row, key)


async def kept(tx: Transaction, key: UserKey, held: Claim) -> Request:
    """What a claim is for, as it stands here: an approval may have changed the arguments that the command has."""
    row = await _standing(tx, held.execution_id, lock=False)
    assert row is not None
    return _request(row, key)


async def finish(tx: Transaction, key: UserKey, held: Claim, ending: Ending) -> None:
    """Write the final state, once. Raises ExecutionInProgress when somebody took over."""
    result = ending.result_json
    tag = await tx.execute(
        """update executions
           set status = $3, result = $4, provider_ref = $5, error = $6, detail = $7, undo_until = $8,
               finished_at = clock_timestamp()
           where execution_id = $1 and fence = $2 and status = 'claimed'""",
        held.execution_id,
        held.fence,
        ending.status,
        None if result is None else key.seal(RESULT, held.execution_id, result.encode()),
        ending.provider_ref,
        ending.error,
        ending.detail,
        ending.undo_until,
    )
    _require_held(tag)


async def ending_of(tx: Transaction, key: UserKey, execution_id: str) -> Ending | None:
    """How it stands: status `claimed` while under way, None when there is no such execution of this user."""
    row = await _standing(tx, execution_id, lock=False)
    return _ending(row, key) if row else None


def sealed_roots(key: UserKey, execution_id: str, roots: Roots) -> bytes:
    """As it lies in the table."""
    return key.seal(ROOTS, execution_id, roots.model_dump_json().encode())


def opened_roots(key: UserKey, execution_id: str, sealed: bytes | None) -> Roots:
    """Back from there."""
    return UNKNOWN if sealed is None else Roots.model_validate_json(key.open(ROOTS, execution_id, sealed))


_ENTER = """
insert into executions
    (execution_id, tool, arguments_hash, arguments, status, lease_until, fence, asked_at, claimed_at, preview, timezone,
     expires_at, due_at, proposed_at, roots)
values ($1, $2, $3, $4, $7::text, clock_timestamp() + make_interval(secs => $5), $8, $6, clock_timestamp(), $9, $10,
        case when $7 = 'proposed' then $11::timestamptz end, case when $7 = 'held' then $11::timestamptz end,
        case when $9::bytea is not null then clock_timestamp() end, $12)
on conflict (organization_id, user_id, execution_id) do nothing
returning claimed_at
"""


async def _standing(tx: Transaction, execution_id: str, *, lock: bool) -> Row | None:
    return await tx.fetchrow(_SELECT_FOR_UPDATE if lock else _SELECT, execution_id)


_SELECT = """
select execution_id, tool, arguments_hash, arguments, timezone, status, fence, asked_at, claimed_at, result,
       provider_ref, error, detail, preview, roots, undo_until,
       extract(epoch from due_at - clock_timestamp())::float8 as due_in_s,
       extract(epoch from lease_until - clock_timestamp())::float8 as lease_left_s
from executions where execution_id = $1
"""
_SELECT_FOR_UPDATE = f"{_SELECT} for update"


async def _take_over(tx: Transaction, row: Row) -> Claim:
    # Nobody has called the provider for an execution that was only held so far: a look need not go back further, and
    # after a day of waiting it might not get through.
    taken = await tx.fetchrow(
        """update executions
           set status = 'claimed', fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => $2),
               claimed_at = case when fence = 0 then clock_timestamp() else claimed_at end
           where execution_id = $1 returning fence, claimed_at""",
        row["execution_id"],
        LEASE_S,
    )
    assert taken is not None, "its row is locked"
    fence, claimed_at = taken["fence"], taken["claimed_at"]
    return Claim(row["execution_id"], fence, row["asked_at"], claimed_at, is_first=fence == 1)


def _request(row: Row, key: UserKey) -> Request:
    execution_id = row["execution_id"]
    arguments = key.open(ARGUMENTS, execution_id, row["arguments"]).decode()
    roots = opened_roots(key, execution_id, row["roots"])
    return Request(execution_id, row["tool"], arguments, row["asked_at"], row["timezone"], roots)


def _require_same(row: Row, request: Request) -> None:
    if bytes(row["arguments_hash"]) != request.digest:
        raise ExecutionConflict("This execution id has been used for a different request.")


def _ending(row: Row, key: UserKey) -> Ending:
    result = row["result"]
    return Ending(
        status=ExecutionStatus(row["status"]),
        result_json=None if result is None else key.open(RESULT, row["execution_id"], result).decode(),
        provider_ref=row["provider_ref"],
        error=row["error"],
        detail=row["detail"],
        preview_json=None
        if row["preview"] is None
        else key.open(PREVIEW, row["execution_id"], row["preview"]).decode(),
        undo_until=row["undo_until"],
    )


def _require_held(tag: str) -> None:
    if tag == "UPDATE 0":
        raise ExecutionInProgress("Another replica has taken the execution over.", retry_after_s=LEASE_S)
