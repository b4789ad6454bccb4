"""What one of two users was told of a negotiation."""

from contracts.network import NetworkMoved
from services.tool.deps import ToolDeps
from tests.service.tool.network.two_users import User


async def told(tool: ToolDeps, user: User, about: str) -> list[str]:
    """The steps, as their events left, in order."""
    async with tool.db.reading(user.scope) as tx:
        rows = await tx.fetch(
            "select subject, body from outbox where subject like 'evt.tool.network.moved.v1.%' order by created_at"
        )
    events = [NetworkMoved.model_validate_json(row["body"]) for row in rows if user.scope.user_id in row["subject"]]
    return [event.step for event in events if event.about == about]
