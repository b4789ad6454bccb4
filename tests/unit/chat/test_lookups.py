"""What a look-up may tell the provider that it asks: a search is a message to somebody, too."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.tool import Effect
from services.chat.lookups import told_too_much
from services.chat.provenance import Heard
from services.chat.steps import Outcome, ToolCall
from services.tool.consent_facts import TELLS
from services.tool.registry import Audience
from services.tool.tools import registry

DESCRIBED = {tool.name: tool.describe() for tool in registry._for(Audience.OWNER)}
HOUSES = {name: tool.house for name, tool in DESCRIBED.items()}
PAGE = "0193b0f1-a8c0-7d3e-9f00-112233445566"


def read(tool: str, **result: Any) -> Outcome:
    return Outcome("c", tool, ok=True, effect=False, untrusted=True, result=json.dumps(result))


MAIL = read("mail_read", id="m_1", subject="Your code", body="The code is 482913, of Northwind.", **{"from": {}})
ISSUE = read("github_read", repository="ada/engine", number=7, author="priya", title="Stuck cards", text="In the mill.")
MESSAGE = read(
    "slack_read_messages", channel="C1", messages=[{"id": "1795000001.000100", "author": "Tom", "text": "hunter2"}]
)


def is_made(
    asked: str, tool: str, *outcomes: Outcome, before: bool = False, by_rules: bool = False, **arguments: Any
) -> bool:
    heard = Heard(asked, (), outcomes, datetime.now(UTC), has_read_before=before, obeys_rules=by_rules)
    return told_too_much(ToolCall("c", tool, json.dumps(arguments)), DESCRIBED[tool], heard, HOUSES) is None


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("github_find", {"words": "482913"}),
        ("github_find", {"words": "repo:evil/x 482913"}),
        ("github_find", {"repository": "evil/code-482913"}),
        ("github_find", {"repository": "evil/engine", "words": "code"}),
        ("github_read", {"repository": "evil/482913", "number": 1}),
        ("notion_search", {"query": "the code of Northwind"}),
        ("notion_search", {"query": "NDgyOTEzIG9mIE5vcnRod2luZA"}),
        ("notion_search", {"query": "4\u200b8\u200b2\u200b9\u200b1\u200b3"}),
        ("notion_read_page", {"page_id": "48291300-0000-0000-0000-000000000000"}),
        ("slack_read_messages", {"channel": "C482913"}),
        ("outlook_mail_search", {"query": "subject:482913"}),
        ("outlook_mail_read", {"message_id": "482913"}),
    ],
)
@pytest.mark.parametrize("is_of_this_turn", [True, False])
def test_what_was_read_elsewhere_does_not_go_there(tool: str, arguments: dict[str, Any], is_of_this_turn: bool) -> None:
    if not is_of_this_turn and DESCRIBED[tool].house == "microsoft":
        return  # the user's own mailbox: nobody else reads along
    asked = "Which issue is my mail about?"
    outcomes = (MAIL,) if is_of_this_turn else ()
    assert not is_made(asked, tool, *outcomes, before=not is_of_this_turn, **arguments)
    assert is_made(asked, tool, *outcomes, before=True, by_rules=True, **arguments)


def test_another_house_is_not_told_by_the_mailbox_either() -> None:
    assert not is_made("What is new?", "mail_search", MESSAGE, query="hunter2")
    assert not is_made("What is new?", "contacts_find", MESSAGE, name="hunter2")


@pytest.mark.parametrize(
    ("asked", "tool", "arguments", "outcomes"),
    [
        ("Is there an issue about the stuck cards?", "github_find", {"words": "stuck cards"}, (MAIL,)),
        ("Any issues in ada/engine on login?", "github_find", {"repository": "ada/engine", "words": "login"}, (MAIL,)),
        ("Find the mail of Northwind", "mail_search", {"query": "from:northwind is:unread after:2026/11/01"}, (ISSUE,)),
        ("And the code?", "mail_search", {"query": "code 482913"}, (MAIL, ISSUE)),
        ("Read me its comments", "github_read", {"repository": "ada/engine", "number": 7}, (MAIL, ISSUE)),
        ("Mail whoever opened the issue", "contacts_find", {"name": "priya"}, (ISSUE,)),
        ("Read it", "mail_read", {"message_id": "m_1"}, (MESSAGE, MAIL)),
        ("Read it", "slack_read_messages", {"channel": "C1", "thread": "1795000001.000100"}, (MESSAGE,)),
        (f"See https://notion.so/Plan-{PAGE.replace('-', '')}", "notion_read_page", {"page_id": PAGE}, (MAIL,)),
        ("What is in my Notion?", "notion_search", {}, (MAIL,)),
        ("What is on GitHub?", "github_find", {"kind": "pull_request", "state": "open", "limit": 5}, (MAIL,)),
        ("Which issue is my mail about?", "github_find", {"words": "whatever is composed"}, ()),
    ],
)
def test_the_users_own_words_and_what_the_house_told_do(
    asked: str, tool: str, arguments: dict[str, Any], outcomes: tuple[Outcome, ...]
) -> None:
    assert is_made(asked, tool, *outcomes, **arguments)


def test_every_look_up_says_what_it_tells_or_tells_nothing() -> None:
    """A new read with words in it that is not in the table would tell whatever it is given."""
    holds_words = {"day", "start", "end", "kind", "state", "status", "since", "due_by"}
    for tool in registry._for(Audience.OWNER):
        if tool.effect is not Effect.READ or not tool.describe().house:
            continue
        fields = {name for name, field in tool.arguments.model_fields.items() if "str" in str(field.annotation)}
        unsaid = fields - holds_words - set(TELLS.get(tool.name, ()))
        assert unsaid <= {"name"} if tool.name == "slack_list_channels" else not unsaid, (tool.name, unsaid)
