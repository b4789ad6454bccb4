"""An answer is given again to exactly the same request only."""

import itertools

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from libs.models.messages import AssistantText, ModelMessage, Options, SystemText, ToolResult, UserText
from services.chat.answers_cache import AnswersCache
from services.chat.routing.request import ModelRequest


def test_who_says_something_makes_a_difference() -> None:
    scope = Scope(OrganizationId(new_id("org")), UserId(new_id("u")))
    conversations: tuple[tuple[ModelMessage, ...], ...] = (
        (UserText("a"), UserText("b")),
        (SystemText("a"), UserText("b")),
        (UserText("a"), SystemText("b")),
        (AssistantText("a"), UserText("b")),
        (ToolResult("c", "a"), UserText("b")),
        (UserText("ab"),),
    )
    cache = AnswersCache()
    keys = [
        cache.key(scope, "completions", ModelRequest(each, options=Options(temperature=0))) for each in conversations
    ]
    assert None not in keys
    assert all(one != other for one, other in itertools.combinations(keys, 2))
