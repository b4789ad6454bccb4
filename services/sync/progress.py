"""What open WebSockets hear of a run, `live.sync.<user id>`. Losing it loses nothing: the log and the copy tell."""

from typing import Literal

from contracts.envelope import Scope
from contracts.sync import SyncProgress
from libs.bus import Bus
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("services.sync")

State = Literal["running", "success", "partial", "failed"]


async def tell(bus: Bus, scope: Scope, provider: str, state: State, items: int, error: str | None = None) -> None:
    """One update."""
    update = SyncProgress(provider=provider, state=state, items=items, error=error)
    try:
        await bus.live("sync", scope.user_id).publish(update.model_dump_json().encode())
    except Unavailable as away:
        log.info("progress_lost", error=away.slug)
