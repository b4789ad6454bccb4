"""A conversation that grows long goes on: what matters of it stays before the model, within the room there is."""

from contracts.envelope import Scope
from libs.runtime.run import RunningService
from services.chat.compression import GAP
from services.chat.model_engine import TOO_LARGE
from services.chat.prompt import SHORTENED
from tests.service.chat.model_peer import Fails, ModelPeer, Says, in_order
from tests.service.chat.world import World

SMALL_TALK = "It is nice weather today and everybody is rather happy about that. "


async def test_an_old_fact_is_still_known_when_the_conversation_no_longer_fits(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    first = world.command(scope, f"{SMALL_TALK} The contract with Mira Nowak ends on 2027-03-31. {SMALL_TALK}")
    await world.send(first, scope)
    await world.follow(first.turn_id)
    for _ in range(9):
        await world.say(scope, SMALL_TALK * 50, conversation_id=first.conversation_id)
    await world.say(scope, "When does the contract with Mira end?", conversation_id=first.conversation_id)

    asked = model.requests[-1]["messages"]
    assert sum(len(message["content"]) for message in asked) < 30_000
    (old,) = [message for message in asked[:-1] if "Mira Nowak ends on 2027-03-31" in message["content"]]
    assert old["role"] == "user"
    assert GAP in old["content"]
    assert asked[0]["content"].endswith(SHORTENED)


async def test_what_is_too_much_for_the_model_is_shortened_once_and_said(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    first = world.command(scope, SMALL_TALK * 150)
    await world.send(first, scope)
    await world.follow(first.turn_id)
    model.script = in_order(Fails(400, "context_length_exceeded"), Says("Here it is."))
    followed = await world.say(scope, "And now?", conversation_id=first.conversation_id)

    assert (followed.end.type, followed.text) == ("turn.completed", "Here it is.")
    assert TOO_LARGE in followed.progress
    before, after = (sum(len(m["content"]) for m in request["messages"]) for request in model.requests[-2:])
    assert after < before
