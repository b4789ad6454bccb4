"""Reading tells the truth of the mailbox and the calendar, and says clearly when it cannot.

Truth rests on the emulator's data; 401, 403, 429, 5xx and broken answers are the front's, after Google's documents.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest

from contracts.tool import ExecutionStatus, ListTools
from services.tool.deps import ToolDeps
from tests.service.tool.front import Fault, html, rate_limited, reason
from tests.service.tool.mailbox import ZONE
from tests.service.tool.oauth_peer import STALE_TOKEN
from tests.service.tool.world import World, unique

pytestmark = pytest.mark.usefixtures("tool")


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ({"day": "today"}, ["m_lunch", "m_budget", "m_midnight"]),
        ({"day": "today", "unread": True}, ["m_budget", "m_midnight"]),
        ({"day": "yesterday"}, ["m_late"]),
        ({"sender": "Sarah Chen"}, ["m_budget", "m_late", "m_old"]),
        ({"sender": "sarah.chen@example.com", "day": "today"}, ["m_budget"]),
        ({"unread": False}, ["m_lunch"]),
        ({"query": "subject:budget"}, ["m_budget"]),
        ({"query": "in:sent"}, ["m_sent"]),
        ({"sender": "nobody"}, []),
        ({"limit": 2}, ["m_lunch", "m_budget"]),
    ],
)
async def test_a_search_finds_what_is_in_the_mailbox(
    world: World, arguments: dict[str, object], ids: list[str]
) -> None:
    found = await world.result("mail_search", **arguments)

    assert [mail["id"] for mail in found["mails"]] == ids


async def test_a_found_mail_has_sender_time_in_the_users_zone_and_state(world: World) -> None:
    mail = (await world.result("mail_search", query="subject:budget"))["mails"][0]

    midnight = datetime.now(ZONE).replace(hour=0, minute=0, second=1, microsecond=0)
    assert mail["from"] == {"name": "Sarah Chen", "address": "sarah.chen@example.com"}
    assert mail["received_at"] == midnight.isoformat()
    assert mail["unread"] is True


async def test_a_search_that_leaves_some_out_says_so(world: World) -> None:
    assert (await world.result("mail_search", limit=1))["more"] is True
    assert (await world.result("mail_search", limit=25))["more"] is False


async def test_a_mail_is_read_with_its_text(world: World) -> None:
    mail = await world.result("mail_read", message_id="m_lunch")

    assert mail["subject"] == "Lunch?"
    assert mail["body"].startswith("Lunch?.\n")
    assert mail["truncated"] is False


async def test_contacts_come_from_mail_and_calendar(world: World) -> None:
    assert await world.result("contacts_find", name="sarah") == {
        "contacts": [{"name": "Sarah Chen", "address": "sarah.chen@example.com", "known": True}],
        "incomplete": [],
    }
    found = await world.result("contacts_find", name="Tom")
    assert found["contacts"] == [{"name": "Tom Brown", "address": "tom@example.com", "known": False}]


async def test_contacts_go_on_with_half_of_their_sources_and_say_which_is_missing(world: World) -> None:
    world.oauth.connected = {"calendar"}

    found = await world.result("contacts_find", name="Tom")

    assert found["contacts"] == [{"name": "Tom Brown", "address": "tom@example.com", "known": False}]
    assert found["incomplete"] == ["gmail"]


async def test_the_calendar_of_a_day_is_listed_in_the_users_zone(world: World) -> None:
    tomorrow = (datetime.now(ZONE) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)

    (event,) = (await world.result("calendar_list", day="tomorrow"))["events"]

    assert (event["title"], event["start"]) == ("Design review", tomorrow.isoformat())
    assert [guest["address"] for guest in event["guests"]] == ["owner@example.com", "tom@example.com"]
    assert (await world.result("calendar_list"))["events"] == []


async def test_availability_holds_times_and_nothing_else(world: World) -> None:
    tomorrow = (datetime.now(ZONE) + timedelta(days=1)).date()

    found = await world.result("calendar_availability", start=f"{tomorrow}T11:30", end=f"{tomorrow}T14:00")

    assert found["is_free"] is False
    assert [stretch["start"][11:16] for stretch in found["busy"]] == ["12:00"]
    assert [(free["start"][11:16], free["end"][11:16]) for free in found["free"]] == [
        ("11:30", "12:00"),
        ("13:00", "14:00"),
    ]
    assert "Design" not in str(found)


async def test_which_tools_there_are_follows_from_the_connections(world: World) -> None:
    world.oauth.needs_reauthorization = {"calendar"}

    tools = await world.chat.ask(ListTools(), scope=world.scope)

    of_google = [tool.name for tool in tools.tools if not tool.name.startswith(("tasks_", "notifications_", "memory_"))]
    writing = ["mail_draft", "mail_send", "mail_reply", "mail_label"]
    assert of_google == ["mail_search", "mail_read", *writing, "contacts_find"]
    assert tools.missing_providers == ("calendar",)


@pytest.mark.parametrize(
    ("tool", "arguments", "slug"),
    [
        ("mail_search", {"limit": 0}, "invalid_arguments"),
        ("mail_search", {"day": "someday"}, "time_not_understood"),
        ("mail_read", {"message_id": "../../users"}, "invalid_arguments"),
        ("mail_read", {"message_id": "m_gone"}, "provider_entity_not_found"),
        ("calendar_list", {"start": "2026-11-24"}, "invalid_arguments"),
        ("calendar_availability", {"start": "2026-11-25", "end": "2026-11-24"}, "invalid_arguments"),
        ("calendar_create_event", {}, "not_a_read_tool"),
        ("no_such_tool", {}, "unknown_tool"),
    ],
)
async def test_a_wrong_call_is_a_failed_outcome_with_a_sentence(
    world: World, tool: str, arguments: dict[str, object], slug: str
) -> None:
    outcome = await world.read(tool, **arguments)

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert outcome.detail


async def test_a_provider_that_is_not_connected_is_named_as_oauth_names_it(world: World) -> None:
    world.oauth.connected = set()

    assert (await world.read("mail_search")).error == "connection_not_found"


async def test_a_refused_token_is_refreshed_once_and_the_answer_comes(world: World) -> None:
    world.oauth.hands_out_stale = True
    world.front.refused_tokens = {STALE_TOKEN}

    assert (await world.read("mail_search", query="subject:budget")).status == ExecutionStatus.DONE
    assert world.oauth.refreshes == 1


async def test_a_token_that_stays_refused_ends_in_a_request_to_connect_again(world: World) -> None:
    world.front.refused_tokens = {"good-token", "refreshed-token"}

    outcome = await world.read("mail_search")

    assert outcome.error == "token_rejected"
    assert outcome.detail == "Gmail no longer accepts the connection. Connect the account again."
    assert world.oauth.refreshes == 1


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (reason("/messages", 403, "insufficientPermissions"), "provider_permission_missing"),
        (html("/messages", 403), "provider_permission_missing"),
        (reason("/messages", 400, "invalidArgument"), "provider_refused"),
        (rate_limited("/messages", "30"), "provider_rate_limited"),
        (Fault("/messages", status=500, times=2), "provider_unavailable"),
        (Fault("/messages", status=200, body=b"<html>", content_type="text/html", times=2), "provider_garbled"),
        (Fault("/messages", truncate=True, times=2), "provider_garbled"),
        (Fault("/messages", cut=True, times=2), "provider_garbled"),
        (Fault("/messages", status=302, headers={"location": "http://127.0.0.1:1/"}, times=2), "provider_unavailable"),
    ],
)
async def test_each_fault_of_the_provider_is_a_clear_outcome(
    world: World, tool: ToolDeps, fault: Fault, slug: str
) -> None:
    world.front.faults = [fault]

    outcome = await world.read("mail_search")

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert (await world.read("mail_search")).status == ExecutionStatus.DONE


@pytest.mark.parametrize(
    "fault",
    [
        rate_limited("/messages", "1"),
        Fault("/messages", status=503),
        Fault("/messages", cut=True),
        Fault("/messages", truncate=True),
    ],
)
async def test_a_passing_fault_is_not_seen(world: World, fault: Fault) -> None:
    world.front.faults = [fault]

    assert (await world.read("mail_search")).status == ExecutionStatus.DONE


async def test_a_slow_provider_is_given_up_before_the_asker_does(world: World) -> None:
    world.front.faults = [Fault("/messages", delay_s=6, times=1)]
    started = time.monotonic()

    outcome = await world.read("mail_search", timeout_s=2)

    assert outcome.error == "provider_timeout"
    assert time.monotonic() - started < 2


async def test_what_outsiders_wrote_is_marked_as_such(world: World) -> None:
    tools = {tool.name: tool for tool in (await world.chat.ask(ListTools(), scope=world.scope)).tools}

    assert tools["mail_read"].returns_untrusted_text is True
    assert tools["calendar_availability"].returns_untrusted_text is False


async def test_a_created_event_is_listed_without_its_reference(world: World) -> None:
    title = unique("Walk")
    start = (datetime.now(UTC) + timedelta(days=3)).date()
    await world.execute(world.command(title, start=f"{start}T09:00", description="By the lake"))

    events = (await world.result("calendar_list", day=str(start)))["events"]

    assert [(event["title"], event["description"]) for event in events] == [(title, "By the lake")]
