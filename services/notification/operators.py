"""What operators of the installation are told, whoever its users are: for now in the log, as `operator_alert`."""

from contracts.models import DeploymentRecovered, DeploymentWentDown
from libs.db import Transaction
from libs.telemetry import get_logger
from services.notification.deps import Notification

log = get_logger("services.notification")


async def tell_of_outage(event: DeploymentWentDown, tx: Transaction, deps: Notification) -> None:
    """A model provider is down; others answer, if there are any."""
    log.warning("operator_alert", alert="model_down", deployment=event.name, error=event.error, since=event.since)


async def tell_of_recovery(event: DeploymentRecovered, tx: Transaction, deps: Notification) -> None:
    """It is back."""
    log.warning("operator_alert", alert="model_recovered", deployment=event.name, since=event.since)
