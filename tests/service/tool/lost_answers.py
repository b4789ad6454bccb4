"""The ways in which a provider's answer to a write gets lost, for every tool that writes; and a process that dies.

Whether the provider had done it by then is told by the front, which passes the request on, or does not.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.tool import ExecutionStatus
from services.tool import ledger
from tests.service.tool.front import Fault, html
from tests.service.tool.world import World

_WAYS = {
    "cut": lambda on: Fault(on, cut=True),
    "truncated": lambda on: Fault(on, truncate=True),
    "500": lambda on: Fault(on, status=500),
    "html 502": lambda on: html(on, 502),
    "html 200": lambda on: Fault(on, status=200, body=b"<html>", content_type="text/html"),
}


def lost_answers() -> Any:
    """Runs a test with each `way`, once with a provider that `did_it` and once with one that did not."""
    return pytest.mark.parametrize(("way", "did_it"), list(_combinations()))


def _combinations() -> Iterator[Any]:
    for way in _WAYS:
        for did_it in (True, False):
            yield pytest.param(way, did_it, id=f"{way}, {'done' if did_it else 'not done'}")


async def with_a_lost_answer(
    world: World, on: str, way: str, did_it: bool, tool: str, **arguments: Any
) -> dict[str, Any]:
    """The result of an effect whose request, told by `on`, loses its answer once."""
    fault = _WAYS[way](on)
    fault.after_commit = did_it
    world.front.faults = [fault]
    outcome = await world.execute(world.asked(tool, arguments))
    assert outcome.status == ExecutionStatus.DONE, outcome
    assert world.front.count(on) == (1 if did_it else 2)
    return world.opened(outcome)


async def with_a_forgotten_result(
    world: World, monkeypatch: pytest.MonkeyPatch, tool: str, **arguments: Any
) -> dict[str, Any]:
    """The result of an effect whose process dies after the provider did it, before that is written down."""
    finish = ledger.finish
    died: list[str] = []

    async def die_once(*given: Any) -> None:
        await finish(*given)
        if not died:
            died.append(tool)
            raise RuntimeError("the process dies here, before the commit")

    monkeypatch.setattr(ledger, "finish", die_once)
    monkeypatch.setattr(ledger, "LEASE_S", 1.5)
    outcome = await world.execute(world.asked(tool, arguments))
    assert died == [tool]
    assert outcome.status == ExecutionStatus.DONE, outcome
    return world.opened(outcome)
