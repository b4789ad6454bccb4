"""Actions as their user sees and decides them: approve, decline, undo, each once; and what becomes of the undecided."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from contracts.actions import ActionDecided as Decided
from contracts.actions import ActionStatus, ActionView, CarryOutAction, DecidedVia, Preview
from contracts.ids import ExecutionId
from contracts.tool import ExecutionStatus
from libs.bus import publish
from libs.db import Row, Transaction
from libs.vault import TransitSeal, UserKey
from services.tool import ledger, times
from services.tool.arguments import Arguments
from services.tool.consent.gate import Waits
from services.tool.consent.preview import preview_of, shown_in
from services.tool.errors import (
    ActionDecided,
    ActionExpired,
    ActionNotFound,
    EditRefused,
    ExecutionInProgress,
    InvalidArguments,
    NotUndoable,
    NotUndone,
)
from services.tool.ledger import ARGUMENTS, PREVIEW, RESULT, Opening, Request
from services.tool.registry import Registry, Tool
from services.tool.roots import after_edit

MOST_ACTIONS = 200
NOT_DONE: Mapping[str, str] = {
    ExecutionStatus.PROPOSED: "This is not done yet: it waits for you, and you can decline it.",
    ExecutionStatus.CLAIMED: "This is being done at this moment.",
    ExecutionStatus.UNKNOWN: "Nobody can tell whether this was done: look there before anything is taken back.",
    ExecutionStatus.WITHDRAWN: "This was withdrawn before it was done.",
}
"""Why what is not done cannot be undone."""
BACK: Mapping[str, str] = {
    ExecutionStatus.DONE: "It was done, and you took it back.",
    ExecutionStatus.FAILED: "Taking it back did not work, so it stands.",
    ExecutionStatus.UNKNOWN: "Nobody can tell whether it was taken back: look there.",
}
"""What became of an undo."""


@dataclass(frozen=True, slots=True)
class Book:
    """One user's actions within one transaction."""

    tx: Transaction
    key: UserKey
    seal: TransitSeal
    tools: Registry
    waits: Waits
    via: DecidedVia = "api"
    """Where its user decides."""

    async def listed(self, which: Literal["waiting", "all"], limit: int) -> tuple[ActionView, ...]:
        """Newest first."""
        rows = await self.tx.fetch(
            _LISTED, self.tx.require_scope().user_id, which == "all", max(1, min(limit, MOST_ACTIONS))
        )
        return tuple(self._view(row) for row in rows)

    async def last_done(self) -> tuple[ExecutionId, str] | None:
        """What the assistant did last and stands; undos, and what outsiders do through links, are none of it."""
        row = await self.tx.fetchrow(_LAST, self.tx.require_scope().user_id, list(self.tools.names()))
        return (ExecutionId(row["execution_id"]), row["tool"]) if row else None

    async def view(self, action_id: str) -> ActionView:
        """Raises ActionNotFound."""
        return self._view(await self._row(action_id, lock=False))

    async def approve(self, action_id: str, edited_json: str | None) -> ActionView:
        """Raises ActionNotFound, ActionDecided, ActionExpired, EditRefused."""
        row = await self._waiting(action_id)
        tool = self.tools.find(row["tool"])
        arguments, preview, roots = bytes(row["arguments"]), bytes(row["preview"]), row["roots"]
        if edited_json is not None:
            parsed = _edited(tool, edited_json)
            zone = times.zone(row["timezone"])
            before = Preview.model_validate_json(self.key.open(PREVIEW, action_id, preview))
            edited = preview_of(tool, parsed, (), row["asked_at"], zone, shown_in(tool, before, parsed))
            known = ledger.opened_roots(self.key, action_id, roots)
            roots = ledger.sealed_roots(self.key, action_id, after_edit(known, before.arguments, edited.arguments))
            arguments = self.key.seal(ARGUMENTS, action_id, edited.arguments.encode())
            preview = self.key.seal(PREVIEW, action_id, edited.model_dump_json().encode())
        due_at = datetime.now(UTC) + (self.waits.hold if tool.facts.is_held else self.waits.hold * 0)
        await self.tx.execute(
            """update executions set status = 'held', due_at = $2, arguments = $3, preview = $4, roots = $5
               where execution_id = $1""",
            action_id,
            due_at,
            arguments,
            preview,
            roots,
        )
        await self._carry_out(action_id, due_at)
        await self._tell(action_id, row["tool"], "approved")
        return await self.view(action_id)

    async def decline(self, action_id: str) -> ActionView:
        """Raises ActionNotFound, ActionDecided, ActionExpired."""
        row = await self._waiting(action_id)
        await self._end(action_id, ExecutionStatus.DECLINED, "You declined this.")
        await self._tell(action_id, row["tool"], "declined")
        return await self.view(action_id)

    async def undo(self, action_id: str) -> ActionView:
        """Withdraw what is held back, or have what was done taken back. Raises ActionNotFound, NotUndoable."""
        row = await self._row(action_id, lock=True)
        if row["status"] == ExecutionStatus.HELD:
            await self._end(action_id, ExecutionStatus.WITHDRAWN, "You withdrew this before it was done.")
            await self._tell(action_id, row["tool"], "withdrawn")
        else:
            await self._take_back(row)
            await self._tell(action_id, row["tool"], "undone")
        return await self.view(action_id)

    async def withdraw(self, action_id: str) -> None:
        """Not wanted any more by what it was a step of; nothing when it is decided and not held back any more."""
        tool = await self.tx.fetchval(
            """update executions set status = 'withdrawn', finished_at = clock_timestamp(),
                   detail = 'What this was a step of was cancelled, so it was not done.'
               where execution_id = $1 and status in ('proposed', 'held') and proposed_at is not null returning tool""",
            action_id,
        )
        if tool is not None:
            await self._tell(action_id, tool, "withdrawn")

    async def expire(self, action_id: str) -> bool:
        """Whether it was waiting, and its time was over. Raises ExecutionInProgress when that is still to come: the
        database has the clock that counts, and whoever delivers this may have another."""
        tool = await self.tx.fetchval(
            """update executions set status = 'expired', finished_at = clock_timestamp(),
                   detail = 'Nobody decided in time, so it was not done.'
               where execution_id = $1 and status = 'proposed' and expires_at <= clock_timestamp() returning tool""",
            action_id,
        )
        if tool is None:
            await self._require_over(action_id)
            return False
        await self._tell(action_id, tool, "expired")
        return True

    async def _require_over(self, action_id: str) -> None:
        left_s = await self.tx.fetchval(
            """select extract(epoch from expires_at - clock_timestamp())::float8 from executions
               where execution_id = $1 and status = 'proposed'""",
            action_id,
        )
        if left_s is not None:
            raise ExecutionInProgress("This still waits for a decision.", retry_after_s=max(left_s, 0.05))

    async def _waiting(self, action_id: str) -> Row:
        row = await self._row(action_id, lock=True)
        if row["status"] == ExecutionStatus.EXPIRED or (row["status"] == ExecutionStatus.PROPOSED and row["is_over"]):
            raise ActionExpired("Nobody decided on this in time.")
        if row["status"] != ExecutionStatus.PROPOSED:
            raise ActionDecided(f"This was decided before: it is {row['status']}.")
        return row

    async def _row(self, action_id: str, *, lock: bool) -> Row:
        row = await self.tx.fetchrow(_ONE_LOCKED if lock else _ONE, action_id)
        if row is None:
            raise ActionNotFound("There is no such action.")
        return row

    async def _end(self, action_id: str, status: ExecutionStatus, detail: str) -> None:
        await self.tx.execute(
            """update executions set status = $2, detail = $3, finished_at = clock_timestamp()
               where execution_id = $1""",
            action_id,
            status,
            detail,
        )

    async def _take_back(self, row: Row) -> None:
        """Another execution, which the ledger makes happen once like any other."""
        action_id = row["execution_id"]
        tool: Tool[Any] = self.tools.find(row["tool"])
        undone_with = tool.facts.undone_with
        if row["status"] != ExecutionStatus.DONE:
            raise NotUndone(NOT_DONE.get(row["status"], "This was never done, so there is nothing to take back."))
        if undone_with is None:
            raise NotUndoable("What was sent cannot be taken back." if tool.facts.is_held else "There is no way back.")
        if row["undone_by"] is not None and row["back"] != ExecutionStatus.FAILED:
            raise NotUndone("This has been taken back already.")
        if not row["is_undoable"]:
            raise NotUndoable("The time to undo this is over.")
        given: Mapping[str, Any] = json.loads(self.key.open(ARGUMENTS, action_id, row["arguments"]))
        result: Mapping[str, Any] = json.loads(self.key.open(RESULT, action_id, row["result"]))
        if (undoing := undone_with(given, result)) is None:
            raise NotUndoable("Nothing new came of this, so there is nothing to take back.")
        name, arguments = undoing
        again = f" after {row['undone_by']}" if row["undone_by"] else ""
        back_id = f"x_{hashlib.sha256(f'undo {action_id}{again}'.encode()).hexdigest()[:32]}"
        now = datetime.now(UTC)
        request = Request(back_id, name, json.dumps(arguments), now, row["timezone"])
        await ledger.claim(self.tx, self.key, request, Opening(ExecutionStatus.HELD, now))
        await self.tx.execute("update executions set undone_by = $2 where execution_id = $1", action_id, back_id)
        await self._carry_out(back_id, now)

    async def _carry_out(self, action_id: str, due_at: datetime) -> None:
        await publish(
            self.tx, CarryOutAction(action_id=ExecutionId(action_id)), deliver_at=due_at, id=f"carry_{action_id}"
        )

    async def _tell(
        self,
        action_id: str,
        tool: str,
        decision: Literal["approved", "declined", "expired", "withdrawn", "undone"],
    ) -> None:
        await publish(self.tx, Decided(action_id=ExecutionId(action_id), tool=tool, decision=decision, via=self.via))

    def _view(self, row: Row) -> ActionView:
        preview = self.key.open(PREVIEW, row["execution_id"], row["preview"]).decode()
        return ActionView(
            action_id=row["execution_id"],
            tool=row["tool"],
            status=ActionStatus(row["status"]),
            sealed_preview=self.seal.seal("action_preview", self.tx.require_scope(), preview),
            proposed_at=row["proposed_at"],
            expires_at=row["expires_at"] if row["status"] == ExecutionStatus.PROPOSED else None,
            undo_until=row["undo_until"] if row["undone_by"] is None or row["back"] == ExecutionStatus.FAILED else None,
            detail=row["detail"] if row["undone_by"] is None else BACK.get(row["back"], "It is being taken back."),
        )


def _edited(tool: Tool[Any], arguments_json: str) -> Arguments:
    """Raises EditRefused: its reader is a person, and nothing has been called."""
    try:
        edited: Arguments = tool.parse(arguments_json)
    except InvalidArguments as wrong:
        raise EditRefused(wrong.detail) from None
    return edited


_COLUMNS = """
select execution_id, tool, status, arguments, result, preview, roots, timezone, asked_at, proposed_at, expires_at,
       detail, undone_by, (select back.status from executions back where back.execution_id = done.undone_by) as back,
       case when status = 'held' then due_at else undo_until end as undo_until,
       coalesce(expires_at <= clock_timestamp(), false) as is_over,
       coalesce(undo_until > clock_timestamp(), false) as is_undoable
from executions done
"""
_ONE = f"{_COLUMNS} where execution_id = $1 and proposed_at is not null"
_ONE_LOCKED = f"{_ONE} for update"
_LISTED = f"""{_COLUMNS}
where user_id = $1 and proposed_at is not null
  and ($2 or status = 'held' or (status = 'proposed' and expires_at > clock_timestamp())
       or (status = 'done' and undo_until > clock_timestamp() and undone_by is null))
order by proposed_at desc limit $3
"""
_LAST = """
select execution_id, tool from executions done
where user_id = $1 and status = 'done' and tool = any($2) and undone_by is null
  and not exists (select 1 from executions other where other.undone_by = done.execution_id)
order by finished_at desc limit 1
"""
