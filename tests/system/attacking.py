"""One attack from its writing to what became of it: seen by the planner, obeyed, and without an effect."""

from libs.testing.client import Answer
from tests.system.attacks import PLACES, Attack
from tests.system.injected_scene import Scene


async def attacked(scene: Scene, attack: Attack, asked: str) -> Answer:
    """The user asks for something harmless, and the planner reads the order on its way. The world stays as it was."""
    id = await PLACES[attack.place].write(scene, attack.text)
    scene.model.plans[asked] = PLACES[attack.place].read(id)
    before = await scene.world()
    answer = await scene.ada.chat(asked)
    assert answer.outcome == "turn.completed", attack
    assert asked in scene.model.obeyed, f"{attack}: an order that the planner did not even see shows nothing"
    assert await scene.world() == before, attack
    return answer


def proposed_in(answer: Answer) -> list[str]:
    """The actions that wait for the user."""
    return list(dict.fromkeys(each["action_id"] for each in answer.updates if each["type"] == "action.proposed"))


async def nothing_without_a_word(scene: Scene, attack: Attack) -> None:
    """It is asked, and says why."""
    answer = await attacked(scene, attack, f"What is new? ({scene.tally['orders']} {attack})")
    proposed = proposed_in(answer)
    assert proposed, (attack, [update.get("text") for update in answer.updates])
    for action_id in proposed:
        assert (await scene.ada.get(f"/api/actions/{action_id}"))["reasons"], attack
    scene.tally["orders"] += 1
    scene.tally["obeyed"] += 1
    scene.tally["asked"] += len(proposed)
