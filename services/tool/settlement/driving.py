"""Bringing both calendars in step with a negotiation, step after step, until nothing is left to do now.

Each step is an execution of the ledger, in the scope of whose calendar it is, under an id that follows from the
negotiation, and each result is noted before the next step begins. Whoever finds a negotiation that is agreed or being
cancelled goes on from what was noted: the command that does so is delivered again when a replica died, and a step that
ended unclear sends another one for later.
"""

from contracts.envelope import Scope
from services.tool.deps import ToolDeps
from services.tool.network import sessions
from services.tool.network.matter import open_matter
from services.tool.network.negotiation import Phase
from services.tool.settlement import entering, leaving, moving
from services.tool.settlement.stepping import Settling


async def settle_negotiation(session_id: str, owner: Scope, deps: ToolDeps) -> None:
    """As far as it goes now. Raises ExecutionInProgress while another replica is at it; the bus tries again."""
    while (found := await _unsettled(session_id, owner, deps)) is not None:
        if not await _step(found):
            return


async def _unsettled(session_id: str, owner: Scope, deps: ToolDeps) -> Settling | None:
    async with deps.db.transaction(owner) as tx:
        session = await sessions.find(tx, session_id)
        if session is None or session.owner != owner or not session.state.phase.is_settling:
            return None
        matter = open_matter(await deps.vault.user_key(tx), session_id, session.sealed)
    return Settling(session, matter, deps)


async def _step(found: Settling) -> bool:
    """Whether there is another one now."""
    state = found.session.state
    if state.phase is Phase.CANCELLING:
        return await leaving.step(found)
    return await (entering.step(found) if state.stands is None else moving.step(found))
