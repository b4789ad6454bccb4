"""The inbox."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.ids import NotificationId, is_id
from contracts.notification import Inbox, ListNotifications, MarkedRead, MarkNotificationRead
from libs.resilience.errors import NotFound
from services.gateway.guards import GatewayHere, Manager, Reader
from services.gateway.wire import AUTHENTICATED, problems

router = APIRouter(prefix="/api/notifications", tags=["notifications"])


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_all(caller: Reader, gateway: GatewayHere, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Inbox:
    """The newest notifications of the caller."""
    return await gateway.bus.ask(ListNotifications(limit=limit), scope=caller.scope)


@router.post("/{notification_id}/read", responses=problems(*AUTHENTICATED, 404))
async def mark_read(notification_id: str, caller: Manager, gateway: GatewayHere) -> MarkedRead:
    """The caller saw it. Saying so twice changes nothing."""
    if not is_id(notification_id):
        raise NotFound("There is no such notification.")
    query = MarkNotificationRead(notification_id=NotificationId(notification_id))
    return await gateway.bus.ask(query, scope=caller.scope)
