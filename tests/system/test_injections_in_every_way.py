"""Every dress and every order in every place: CI takes a few, `make deep` all.

On a scene of its own: the emulated mailbox takes some hundreds of mails and no more.
"""

from collections.abc import AsyncIterator

import pytest

from tests.system.attacking import nothing_without_a_word
from tests.system.attacks import Attack, all_ways
from tests.system.injected_scene import Scene, injected_scene

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with injected_scene() as running:
        yield running


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("attack", all_ways(), ids=str)
async def test_no_order_has_an_effect_in_whatever_dress_and_place(scene: Scene, attack: Attack) -> None:
    await nothing_without_a_word(scene, attack)
