"""An effect that ended, or was decided on, may be the step of a run: then that run looks at it."""

from contracts.ids import ExecutionId
from contracts.runs import LookAtStep
from libs.bus import publish
from libs.db import Transaction
from services.chat.runs import run_rows


async def look_soon(tx: Transaction, execution_id: ExecutionId) -> None:
    """If it is a step's, its outcome is fetched."""
    if (found := await run_rows.step_of_execution(tx, execution_id)) is not None:
        run_id, place, attempt = found
        await publish(tx, LookAtStep(run_id=run_id, place=place, attempt=attempt, execution_id=execution_id))
