"""The model sees placeholders, the user and the tools see the truth."""

import base64
import json
from collections.abc import AsyncGenerator

from contracts.envelope import Scope
from libs.models.messages import (
    AssistantText,
    Finished,
    ModelEvent,
    SystemText,
    TextDelta,
    ToolCall,
    ToolCalls,
    ToolResult,
    UserText,
)
from libs.privacy import Kind
from libs.vault import MasterKeys
from services.chat.routing.request import ModelRequest
from services.chat.veil import Veil, Veiled
from tests.conftest import new_scope

CARD, ADA = "4111 1111 1111 1111", "ada@example.com"
SCOPE = new_scope()
KEYS = f"k1:{base64.b64encode(bytes(32)).decode()}"


def veil(*kinds: Kind) -> Veil:
    return Veil(MasterKeys.from_text(KEYS), frozenset(kinds or Kind))


def over(*, scope: Scope = SCOPE) -> Veiled:
    messages = (
        SystemText("Be brief."),
        UserText(f"Pay with {CARD}"),
        AssistantText("I will.", (ToolCall("c", "pay", json.dumps({"card": CARD})),)),
        ToolResult("c", f"receipt sent to {ADA}"),
    )
    return veil().over(ModelRequest(messages), scope)


async def lifted(veiled: Veiled, *events: ModelEvent) -> list[ModelEvent]:
    async def said() -> AsyncGenerator[ModelEvent, None]:
        for event in events:
            yield event

    return [event async for event in veiled.lifted(said())]


def test_nothing_personal_is_in_what_is_sent_wherever_it_stood() -> None:
    veiled = over()
    assert CARD not in repr(veiled.request)
    assert ADA not in repr(veiled.request)
    assert veiled.request.messages[0] == SystemText("Be brief.")


def test_the_same_value_is_the_same_for_one_user_and_another_for_the_next() -> None:
    assert over().values == over().values
    assert not over().values.keys() & over(scope=new_scope()).values.keys()


async def test_what_comes_back_is_the_truth_however_it_is_cut_and_calls_get_it_too() -> None:
    veiled = over()
    (card,) = [placeholder for placeholder, value in veiled.values.items() if value == CARD]
    call = ToolCall("d", "pay", json.dumps({"card": card}))

    events = await lifted(
        veiled,
        TextDelta(f"I used {card[:5]}"),
        TextDelta(card[5:]),
        TextDelta(" [as"),
        ToolCalls((call,)),
        Finished("stop", "m", 1, 1),
    )

    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == f"I used {CARD} [as"
    (calls,) = [event for event in events if isinstance(event, ToolCalls)]
    assert json.loads(calls.calls[0].arguments) == {"card": CARD}


def test_without_kinds_nothing_is_touched() -> None:
    request = ModelRequest((UserText(CARD),))
    assert Veil(MasterKeys.from_text(KEYS), frozenset()).over(request, SCOPE).request is request
