"""Slack through its tools, against the emulated Slack with its scopes enforced. What it does not play says so."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.emulator import emulated
from tests.service.tool.front import Fault, Front
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.oauth_peer import GOOD_TOKEN, REFRESHED_TOKEN, STALE_TOKEN
from tests.service.tool.world import World, running_tool, unique

SCOPES = ["channels:read", "channels:history", "users:read", "chat:write"]
PRIVATE = ["groups:read", "groups:history", "im:read", "im:history", "mpim:read", "mpim:history"]
CROWD = [{"name": f"p{n}", "real_name": f"Person {n}"} for n in range(12)]
POST = "POST /api/chat.postMessage"


@pytest.fixture(scope="module")
async def google(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """In these tests the provider behind the front is Slack."""
    seed = {
        "tokens": {
            **{token: {"login": "ada", "scopes": SCOPES} for token in (GOOD_TOKEN, REFRESHED_TOKEN)},
            "tom-token": {"login": "tom", "scopes": [*SCOPES, *PRIVATE, "channels:write", "im:write"]},
        },
        "slack": {
            "team": {"name": "Engine Works", "domain": "engine-works"},
            "strict_scopes": True,
            "users": [{"name": "ada", "real_name": "Ada Lovelace"}, {"name": "tom", "real_name": "Tom Brown"}, *CROWD],
            "channels": [
                {"name": "square", "topic": "All of us"},
                {"name": "engines", "topic": "Gears &amp; cogs"},
                {"name": "secret", "is_private": True},
            ],
        },
    }
    async with emulated("slack", tmp_path_factory.mktemp("slack"), seed) as url:
        yield url


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, slack_api_url=f"{front.url}/api") as deps:
        yield deps


@pytest.fixture
def slack(world: World, tool: ToolDeps) -> World:
    world.oauth.connected = {"slack"}
    return world


class Workspace:
    """The emulated Slack as Tom sees it, past everything of ours."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/api", headers={"authorization": "Bearer tom-token"})

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await self._http.post(f"/{method}", json=given)).json()
        assert answer["ok"], answer
        return answer

    async def say(self, channel: str, text: str, **more: str) -> str:
        ts: str = (await self.call("chat.postMessage", channel=channel, text=text, **more))["ts"]
        return ts

    async def messages(self, channel: str, text: str) -> list[dict[str, Any]]:
        rows = (await self.call("conversations.history", channel=channel, limit=1000))["messages"]
        return [row for row in rows if row["text"] == text]

    async def new_channel(self) -> str:
        """Of its own, so that nobody else's messages are in it. Ada is in it."""
        name = unique("c").replace(" ", "-").lower()
        id: str = (await self.call("conversations.create", name=name))["channel"]["id"]
        users = (await self.call("users.list"))["members"]
        ada = next(user["id"] for user in users if user["name"] == "ada")
        await self.call("conversations.invite", channel=id, users=ada)
        return id

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def workspace(google: str) -> AsyncIterator[Workspace]:
    workspace = Workspace(google)
    yield workspace
    await workspace.close()


@pytest.fixture
async def channel(workspace: Workspace) -> str:
    return await workspace.new_channel()


async def test_channels_are_listed_and_found_by_name_or_topic(slack: World) -> None:
    listed = await slack.result("slack_list_channels")
    named = await slack.result("slack_list_channels", name="#engin")
    about = await slack.result("slack_list_channels", name="all of")

    assert {"square", "engines"} <= {channel["name"] for channel in listed["channels"]}
    assert [(channel["name"], channel["topic"]) for channel in named["channels"]] == [("engines", "Gears & cogs")]
    assert [channel["name"] for channel in about["channels"]] == ["square"]


async def test_without_the_scopes_for_it_nothing_private_is_listed_and_the_rest_is(slack: World) -> None:
    listed = await slack.result("slack_list_channels", joined=False, limit=200)

    assert "secret" not in [channel["name"] for channel in listed["channels"]]
    assert slack.front.count("conversations.list") == 2


async def test_messages_are_read_as_people_see_them(slack: World, workspace: Workspace, channel: str) -> None:
    first = await workspace.say(channel, "Is 2 &lt; 3, &amp; <https://example.com/a|this>?")
    tom = (await workspace.call("auth.test"))["user_id"]
    await workspace.say(channel, f"Ask <@{tom}> in <#C0000000001|general>, <!here>")

    read = await slack.result("slack_read_messages", channel=channel)

    shown = [(message["author"], message["text"]) for message in read["messages"]][-2:]
    assert shown == [
        ("tom", "Is 2 < 3, & this (https://example.com/a)?"),
        ("tom", "Ask @tom in #general, @here"),
    ]
    assert read["messages"][-2]["id"] == first


async def test_the_newest_messages_are_read_and_it_is_said_that_there_are_older_ones(
    slack: World, workspace: Workspace, channel: str
) -> None:
    for n in range(5):
        await workspace.say(channel, f"Remark {n}")

    read = await slack.result("slack_read_messages", channel=channel, limit=2)
    today = await slack.result("slack_read_messages", channel=channel, since="today")
    tomorrow = await slack.result("slack_read_messages", channel=channel, since="tomorrow")

    assert ([message["text"] for message in read["messages"]], read["more"]) == (["Remark 3", "Remark 4"], True)
    assert len(today["messages"]) >= 5
    assert tomorrow["messages"] == []


async def test_many_people_are_named_from_one_list(slack: World, workspace: Workspace, channel: str) -> None:
    members = (await workspace.call("users.list"))["members"]
    crowd = [member["id"] for member in members if member["name"].startswith("p")]
    await workspace.say(channel, " ".join(f"<@{id}>" for id in crowd))

    read = await slack.result("slack_read_messages", channel=channel)

    assert read["messages"][-1]["text"].split() == [f"@p{n}" for n in range(12)]
    assert (slack.front.count("users.info"), slack.front.count("users.list")) == (0, 1)


async def test_a_thread_is_read_with_its_beginning_and_its_newest_answers(
    slack: World, workspace: Workspace, channel: str
) -> None:
    start = await workspace.say(channel, "Where to?")
    for n in range(4):
        await workspace.say(channel, f"Answer {n}", thread_ts=start)

    read = await slack.result("slack_read_messages", channel=channel, thread=start, limit=3)

    assert [message["text"] for message in read["messages"]] == ["Where to?", "Answer 2", "Answer 3"]
    assert read["more"]


async def test_a_message_is_posted_in_the_users_name_and_its_mark_is_not_in_the_text(
    slack: World, workspace: Workspace, channel: str
) -> None:
    text = unique("Hello")

    posted = await slack.done("slack_post_message", channel=channel, text=text)

    (message,) = await workspace.messages(channel, text)
    assert posted == {"channel": channel, "message_id": message["ts"], "thread": None}
    assert message["metadata"]["event_type"] == "adjutant_message"
    assert message["user"] != (await workspace.call("auth.test"))["user_id"]


async def test_nothing_in_a_text_calls_the_whole_channel(slack: World, workspace: Workspace, channel: str) -> None:
    await slack.done("slack_post_message", channel=channel, text="<!channel> <https://evil.example|our site> & <@U12>")

    expected = "&lt;!channel&gt; &lt;https://evil.example|our site&gt; &amp; <@U12>"
    assert len(await workspace.messages(channel, expected)) == 1


async def test_an_answer_goes_into_the_thread(slack: World, workspace: Workspace, channel: str) -> None:
    start = await workspace.say(channel, "Where to?")

    posted = await slack.done("slack_post_message", channel=channel, text="There", thread=start)

    replies = (await workspace.call("conversations.replies", channel=channel, ts=start))["messages"]
    assert [reply["text"] for reply in replies] == ["Where to?", "There"]
    assert posted["message_id"] == replies[1]["ts"]


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize("in_thread", [False, True], ids=["channel", "thread"])
async def test_a_lost_answer_never_makes_two_messages(
    slack: World, workspace: Workspace, channel: str, way: str, did_it: bool, in_thread: bool
) -> None:
    start = await workspace.say(channel, "Where to?")
    thread = {"thread": start} if in_thread else {}

    result = await with_a_lost_answer(
        slack, POST, way, did_it, "slack_post_message", channel=channel, text="Once only", **thread
    )

    rows = await workspace.messages(channel, "Once only")
    if in_thread:
        rows = (await workspace.call("conversations.replies", channel=channel, ts=start))["messages"][1:]
    assert [row["ts"] for row in rows] == [result["message_id"]]


async def test_a_process_that_dies_after_the_fact_leaves_one_message(
    slack: World, workspace: Workspace, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = await with_a_forgotten_result(slack, monkeypatch, "slack_post_message", channel=channel, text="Once")

    assert [row["ts"] for row in await workspace.messages(channel, "Once")] == [posted["message_id"]]


async def test_a_message_is_found_again_among_hundreds(slack: World, workspace: Workspace, channel: str) -> None:
    command = slack.asked("slack_post_message", {"channel": channel, "text": "Early bird"})
    metadata = {"event_type": "adjutant_message", "event_payload": {"execution": command.execution_id}}
    ts = (await workspace.call("chat.postMessage", channel=channel, text="Early bird", metadata=metadata))["ts"]
    for n in range(230):
        await workspace.say(channel, f"Remark {n}")
    slack.front.faults = [Fault(POST, status=500)]

    outcome = await slack.execute(command)

    assert slack.opened(outcome)["message_id"] == ts
    assert slack.front.count("conversations.history") == 3


async def test_the_same_text_twice_is_two_messages(slack: World, workspace: Workspace, channel: str) -> None:
    for _ in range(2):
        await slack.done("slack_post_message", channel=channel, text="Ping")

    assert len(await workspace.messages(channel, "Ping")) == 2


async def test_a_word_of_slack_is_told_as_what_it_means(slack: World, channel: str) -> None:
    """Slack's documented words, told by the front."""
    arguments = {"channel": channel, "text": "Hello"}

    async def told(word: str, **headers: str) -> str | None:
        slack.front.faults = [
            Fault(POST, status=200, body=f'{{"ok": false, "error": "{word}"}}'.encode(), headers=headers)
        ]
        outcome = await slack.execute(slack.asked("slack_post_message", arguments))
        assert outcome.error != "provider_permission_missing" or "“send”" in str(outcome.detail)
        return outcome.error

    assert await told("missing_scope") == "provider_permission_missing"
    assert await told("is_archived") == "provider_entity_not_found"
    assert await told("restricted_action") == "provider_refused"
    assert await told("ratelimited", **{"Retry-After": "1"}) is None
    assert await told("internal_error") is None, "looked up, found not done, done again"


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ({"channel": "C00000000ZZ", "text": "Hello"}, "provider_entity_not_found"),
        ({"channel": "#general", "text": "Hello"}, "invalid_arguments"),
        ({"channel": "C00000001", "text": ""}, "invalid_arguments"),
        ({"channel": "C00000001", "text": "x" * 4001}, "invalid_arguments"),
        ({"channel": "C00000001", "text": "Hello", "thread": "yesterday"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_posted_fails_with_a_reason(slack: World, arguments: dict[str, Any], slug: str) -> None:
    outcome = await slack.execute(slack.asked("slack_post_message", arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)


async def test_a_refused_token_is_refreshed_once(slack: World, workspace: Workspace, channel: str) -> None:
    slack.oauth.hands_out_stale = True
    slack.front.refused_tokens = {STALE_TOKEN}
    text = f"Fresh {datetime.now(UTC).timestamp()}"

    await slack.done("slack_post_message", channel=channel, text=text)

    assert slack.oauth.refreshes == 1
    assert len(await workspace.messages(channel, text)) == 1


async def test_who_is_asked_about_a_message_reads_where_it_goes_and_what_it_answers(
    slack: World, workspace: Workspace, channel: str
) -> None:
    name = (await workspace.call("conversations.info", channel=channel))["channel"]["name"]
    ada = next(row["id"] for row in (await workspace.call("users.list"))["members"] if row["name"] == "ada")
    thread = await workspace.say(channel, f"<@{ada}> shall we \u202eoil &amp;\n grease?{' Now!' * 100}")

    plain = await slack.proposed("slack_post_message", channel=channel, text="Yes, today.")
    answer = await slack.proposed("slack_post_message", channel=channel, text="Yes, today.", thread=thread)

    assert plain.title == f"Post to Slack in #{name}: Yes, today."
    assert [(field.label, field.value) for field in plain.fields] == [("Channel", f"#{name}"), ("Text", "Yes, today.")]
    said = next(field.value for field in answer.fields if field.label == "In answer to")
    assert "tom: @ada shall we oil & grease? Now!" in said
    assert len(said) <= 200


async def test_where_a_message_goes_is_its_id_when_slack_does_not_tell(slack: World) -> None:
    preview = await slack.proposed("slack_post_message", channel="C0NOWHERE", text="Hello")

    assert preview.title == "Post to Slack in C0NOWHERE (what this is called could not be looked up): Hello"
