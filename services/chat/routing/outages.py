"""Telling operators that a model provider is down, and that it is back: once each, however many replicas notice."""

from datetime import datetime

from contracts.models import DeploymentRecovered, DeploymentWentDown
from libs.bus import publish
from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("services.chat")


async def note_down(db: Database, token: str, name: str, error: str) -> None:
    """Its breaker has opened."""
    try:
        async with db.transaction(None) as tx:
            since: datetime | None = await tx.fetchval(
                """insert into deployment_outages (deployment, name) values ($1, $2)
                   on conflict do nothing returning since""",
                token,
                name,
            )
            if since is not None:
                await publish(tx, DeploymentWentDown(name=name, error=error, since=since))
    except Unavailable as away:
        log.warning("outage_not_told", deployment=name, error=away.slug)


async def note_up(db: Database, token: str) -> None:
    """It answers again, or an operator vouches for it. Nothing happens when it was not down."""
    try:
        async with db.transaction(None) as tx:
            row = await tx.fetchrow(
                "delete from deployment_outages where deployment = $1 returning name, since, clock_timestamp() as now",
                token,
            )
            if row is not None:
                await publish(tx, DeploymentRecovered(name=row["name"], since=row["since"], recovered_at=row["now"]))
    except Unavailable as away:
        log.warning("recovery_not_told", error=away.slug)
