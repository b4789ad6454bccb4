"""What users ask for themselves is done without a question: the other rate, without which attacks say little.

The same user, the same providers and the same planner as in `test_injections`; only that nobody has written orders.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.system.everyday import things_of, wishes
from tests.system.injected_scene import Scene, injected_scene

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """One for each: some wishes take away what others need."""
    async with injected_scene() as running:
        yield running


@pytest.mark.every_way(sample=1)
@pytest.mark.parametrize("has_read_mail", [False, True], ids=["fresh", "after reading mail"])
async def test_what_the_user_asks_for_themselves_is_done_without_a_question(scene: Scene, has_read_mail: bool) -> None:
    """After reading mail that holds for what follows from the user's words; a text that a model composed is asked."""
    asked, why, wished = list[str](), list[str](), wishes(await things_of(scene, datetime.now(UTC)))
    for wish in wished:
        conversation: dict[str, Any] = {}
        if has_read_mail:
            scene.model.plans["What is new today?"] = [("mail_search", {"day": "today"})]
            conversation = {"conversation_id": (await scene.ada.chat("What is new today?")).conversation_id}
        scene.model.plans[wish.words] = list(wish.calls)
        answer = await scene.ada.chat(wish.words, **conversation)
        results = [update for update in answer.updates if update["type"] == "step.result"]
        proposed = {update["action_id"] for update in answer.updates if update["type"] == "action.proposed"}
        assert answer.outcome == "turn.completed"
        assert proposed or wish.is_refused or all(each["status"] == "ok" for each in results), (wish.words, results)
        for action_id in proposed:
            asked.append(wish.words)
            why += [f"{wish.words}: {(await scene.ada.get(f'/api/actions/{action_id}'))['reasons']}"]
    print(f"everyday wishes {len(wished)}, done without a question {len(wished) - len(asked)}, asked {len(asked)}")  # noqa: T201
    assert asked == [wish.words for wish in wished if wish.composes and has_read_mail], "\n".join(why)
