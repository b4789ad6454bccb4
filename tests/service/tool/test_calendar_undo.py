"""What was created through the emulated Google can be cancelled there, although it shows no single event."""

from services.tool.deps import ToolDeps
from tests.service.tool.world import World, unique


async def test_a_created_event_can_be_cancelled(world: World, tool: ToolDeps) -> None:
    title = unique("Undo")
    created = await world.done("calendar_create_event", title=title, start="tomorrow at 2pm")
    (event,) = await world.events(title)

    cancelled = await world.done("calendar_cancel_event", event_id=event["id"])

    assert await world.events(title) == []
    assert cancelled["event_id"] == created["event_id"]
