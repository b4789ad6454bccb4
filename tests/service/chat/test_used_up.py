"""A turn comes to an end also with a model that would call tools for ever."""

from contracts.envelope import Scope
from libs.runtime.run import RunningService
from services.chat.model_engine import MAX_ROUNDS, USED_UP
from tests.service.chat.model_peer import Calls, ModelPeer, in_order
from tests.service.chat.peers import ToolPeer
from tests.service.chat.world import World


async def test_a_model_that_does_nothing_but_call_is_ended_with_a_sentence_that_says_why(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(*(Calls((("calendar_list", {"day": f"day {n}"}),)) for n in range(MAX_ROUNDS + 1)))
    said = await world.say(scope, "Look at my calendar")
    assert (said.text, said.end.type) == (USED_UP, "turn.completed")
    assert len(tools.reads) == MAX_ROUNDS
