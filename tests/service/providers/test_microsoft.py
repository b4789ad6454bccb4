"""Outlook and Teams against a small Graph of ours (`graph_server` says on which truth it rests)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from libs.providers.errors import CursorExpired, ProviderBusy, ProviderGarbled, TokenRejected
from libs.providers.microsoft.outlook_calendar import CALENDAR, OutlookCalendarSource
from libs.providers.microsoft.outlook_mail import OutlookMailSource
from libs.providers.microsoft.teams import TeamsSource
from libs.providers.rest import Access
from libs.providers.source import Hook
from tests.service.providers.graph_server import GraphServer, behind
from tests.service.providers.vendor_server import ACCESS, Told, Vendor, gone, items, read, vendor

INBOX = "/me/mailFolders/inbox-id/messages"
VIEW = "/me/calendarView"


@pytest.fixture
async def served() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told()) as running:
        yield running


@pytest.fixture
def graph(served: Vendor) -> GraphServer:
    return behind(served)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def mail(graph: GraphServer, http: httpx.AsyncClient) -> OutlookMailSource:
    return OutlookMailSource(http, f"{graph.base}/v1.0")


@pytest.fixture
def calendar(graph: GraphServer, http: httpx.AsyncClient) -> OutlookCalendarSource:
    return OutlookCalendarSource(http, f"{graph.base}/v1.0")


def a_mail(id: str, subject: str = "Hello", **more: Any) -> dict[str, Any]:
    sender = {"emailAddress": {"name": "Sarah Chen", "address": "sarah@example.com"}}
    moments = {"receivedDateTime": "2026-11-20T10:00:00Z", "lastModifiedDateTime": "2026-11-20T10:00:01Z"}
    return {"id": id, "subject": subject, "from": sender, "isRead": False, **moments, **more}


def an_event(id: str, subject: str = "Review") -> dict[str, Any]:
    return {
        "id": id,
        "subject": subject,
        "start": {"dateTime": "2026-11-25T10:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-25T11:00:00.0000000", "timeZone": "UTC"},
        "organizer": {"emailAddress": {"address": "ada@example.com"}},
        "attendees": [{"emailAddress": {"address": "sarah@example.com"}}],
        "lastModifiedDateTime": "2026-11-20T10:00:00Z",
    }


async def test_every_folder_is_a_stream(mail: OutlookMailSource) -> None:
    assert [stream.id for stream in await mail.streams(ACCESS)] == ["folder:inbox-id", "folder:sent-id"]


async def test_a_folder_is_listed_and_then_only_its_changes_come(
    graph: GraphServer, served: Vendor, mail: OutlookMailSource
) -> None:
    for number in range(5):
        graph.change(INBOX, a_mail(f"m{number}"))
    first = await read(mail, "folder:inbox-id")
    assert set(items(first)) == {f"m{number}" for number in range(5)}
    assert len(first) == 3
    graph.change(INBOX, a_mail("m9", "New"))
    graph.remove(INBOX, "m1")
    served.asked.clear()
    later = await read(mail, "folder:inbox-id", first[-1].cursor)

    assert (set(items(later)), gone(later)) == ({"m9"}, {"m1"})
    assert len(served.asked) == 1
    assert items(later)["m9"].actor == "Sarah Chen"


async def test_nothing_of_a_mail_but_its_metadata_is_asked_for(
    graph: GraphServer, served: Vendor, mail: OutlookMailSource
) -> None:
    graph.change(INBOX, a_mail("m1"))
    await read(mail, "folder:inbox-id")

    assert "body" not in served.asked[0].query["$select"].lower()
    assert 'IdType="ImmutableId"' in served.asked[0].headers["prefer"]


async def test_a_listing_goes_on_in_the_middle(graph: GraphServer, mail: OutlookMailSource) -> None:
    for number in range(6):
        graph.change(INBOX, a_mail(f"m{number}"))
    first = await read(mail, "folder:inbox-id")
    rest = await read(mail, "folder:inbox-id", first[0].cursor)

    assert set(items(rest)) == {"m2", "m3", "m4", "m5"}


@pytest.mark.parametrize("padding", [0, 1])
async def test_a_forgotten_delta_link_is_an_expired_cursor_however_graph_says_it(
    graph: GraphServer, mail: OutlookMailSource, padding: int
) -> None:
    for number in range(1 + padding):
        graph.change(INBOX, a_mail(f"m{number}"))
    pages = await read(mail, "folder:inbox-id")
    graph.forgotten = 10
    with pytest.raises(CursorExpired):
        await read(mail, "folder:inbox-id", pages[-1].cursor)


async def test_the_calendars_window_moves_on_before_it_runs_out(
    graph: GraphServer, served: Vendor, calendar: OutlookCalendarSource
) -> None:
    graph.change(VIEW, an_event("e1"))
    pages = await read(calendar, CALENDAR.id)
    cursor = json.loads(pages[-1].cursor or "")
    assert datetime.fromisoformat(cursor["until"]) > datetime.now(UTC) + timedelta(days=300)
    assert (await read(calendar, CALENDAR.id, pages[-1].cursor))[0].items == ()
    cursor["until"] = (datetime.now(UTC) + timedelta(days=100)).isoformat()
    with pytest.raises(CursorExpired):
        await read(calendar, CALENDAR.id, json.dumps(cursor))


async def test_an_event_has_its_times_and_its_guests(graph: GraphServer, calendar: OutlookCalendarSource) -> None:
    graph.change(VIEW, an_event("e1"))
    event = items(await read(calendar, CALENDAR.id))["e1"]

    assert (event.at, event.ends_at) == (
        datetime(2026, 11, 25, 10, tzinfo=UTC),
        datetime(2026, 11, 25, 11, tzinfo=UTC),
    )
    assert event.people == 1


async def test_what_was_said_in_teams_is_not_kept(graph: GraphServer, http: httpx.AsyncClient) -> None:
    teams = TeamsSource(http, f"{graph.base}/v1.0")
    (stream,) = await teams.streams(ACCESS)
    message = {"id": "x", "body": {"content": "secret words"}, "from": {"user": {"displayName": "Sarah"}}}
    graph.change("/teams/t1/channels/c1/messages", message)
    found = items(await read(teams, stream.id))

    assert found["x"].actor == "Sarah"
    assert "secret" not in str(found)


async def test_a_subscription_begins_is_renewed_and_ends(graph: GraphServer, mail: OutlookMailSource) -> None:
    hook = Hook("w_1", "https://adjutant.example/webhooks/outlook_mail?watch=w_1", "s3cret")
    watch = await mail.watch(ACCESS, "folder:inbox-id", hook)

    (subscription,) = graph.subscriptions.values()
    assert subscription["clientState"] == "w_1.s3cret"
    assert subscription["lifecycleNotificationUrl"] == hook.address
    assert watch.expires_at
    assert timedelta(days=5) < watch.expires_at - datetime.now(UTC) <= timedelta(minutes=10_080)
    assert await mail.renew(ACCESS, watch, hook)
    await mail.unwatch(ACCESS, watch)
    await mail.unwatch(ACCESS, watch)
    assert graph.subscriptions == {}
    assert await mail.renew(ACCESS, watch, hook) is None


async def test_failures_are_told_apart(graph: GraphServer, served: Vendor, mail: OutlookMailSource) -> None:
    with pytest.raises(TokenRejected):
        await read(mail, "folder:inbox-id", access=Access("bad", "cn_1"))
    served.faults = [Told({}, 429, {"retry-after": "17"})]
    with pytest.raises(ProviderBusy) as busy:
        await read(mail, "folder:inbox-id")
    assert busy.value.retry_after_s == 17
    served.faults = [Told(raw=b'{"value": [{"id"')]
    with pytest.raises(ProviderGarbled):
        await read(mail, "folder:inbox-id")


async def test_a_next_page_at_another_house_is_not_followed(
    graph: GraphServer, served: Vendor, mail: OutlookMailSource
) -> None:
    served.faults = [Told({"value": [], "@odata.nextLink": "https://evil.example/v1.0/me"})]
    with pytest.raises(ProviderGarbled):
        await read(mail, "folder:inbox-id")
