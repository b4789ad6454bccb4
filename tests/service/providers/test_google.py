"""Gmail's history and Calendar's sync tokens, which the emulator does not have: against a small server of ours.

Truth: Google's discovery documents, and its guides to synchronisation. What the emulator can do is tested through the
whole system (`tests/system/test_sync.py`).
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from libs.providers.errors import CursorExpired
from libs.providers.google.calendar_source import CalendarSource
from libs.providers.google.gmail_source import GmailSource
from libs.providers.source import Hook
from tests.service.providers.vendor_server import ACCESS, SINCE, Asked, Told, Vendor, gone, items, read, vendor

CALENDAR = "calendar:primary"


@pytest.fixture
async def google() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({"error": {"code": 404}}, 404)) as running:
        yield running


@pytest.fixture
async def gmail(google: Vendor) -> AsyncIterator[GmailSource]:
    async with httpx.AsyncClient() as http:
        yield await GmailSource.open(http, f"{google.url}/", "projects/p/topics/t")


@pytest.fixture
async def calendar(google: Vendor) -> AsyncIterator[CalendarSource]:
    async with httpx.AsyncClient() as http:
        yield await CalendarSource.open(http, f"{google.url}/calendar/v3/")


class Mailbox:
    """Mails and their history."""

    def __init__(self) -> None:
        self.mails: dict[str, int] = {}
        self.history: list[dict[str, Any]] = []
        self.oldest = 0

    def add(self, id: str) -> None:
        self._note("messagesAdded", id)
        self.mails[id] = len(self.history)

    def remove(self, id: str) -> None:
        self._note("messagesDeleted", id)
        del self.mails[id]

    def _note(self, what: str, id: str) -> None:
        self.history.append({"id": str(len(self.history) + 1), what: [{"message": {"id": id}}]})

    def answer(self, asked: Asked) -> Told:
        path = asked.path.removeprefix("/gmail/v1/users/me/")
        if path == "profile":
            return Told({"historyId": str(len(self.history))})
        if path == "history":
            start = int(asked.query["startHistoryId"])
            if start < self.oldest:
                return Told({"error": {"errors": [{"reason": "notFound"}]}}, 404)
            at = int(asked.query.get("pageToken", start))
            rows = self.history[at : at + 2]
            content: dict[str, Any] = {"history": rows, "historyId": str(len(self.history))}
            return Told(content | ({"nextPageToken": str(at + 2)} if at + 2 < len(self.history) else {}))
        if path == "messages":
            at = int(asked.query.get("pageToken", "0"))
            ids = list(self.mails)
            content = {"messages": [{"id": id} for id in ids[at : at + 2]]}
            return Told(content | ({"nextPageToken": str(at + 2)} if at + 2 < len(ids) else {}))
        if path == "watch":
            return Told({"historyId": "1", "expiration": "1796000000000"})
        id = path.removeprefix("messages/")
        if id not in self.mails:
            return Told({"error": {}}, 404)
        assert asked.query["format"] == "metadata"
        headers = [{"name": "Subject", "value": f"Subject {id}"}, {"name": "From", "value": "Sarah <s@example.com>"}]
        found = {"id": id, "historyId": str(self.mails[id]), "internalDate": "1795000000000"}
        return Told({**found, "payload": {"headers": headers}})


@pytest.fixture
def mailbox(google: Vendor) -> Mailbox:
    made = Mailbox()
    google.answer = made.answer
    return made


async def test_what_changes_during_a_first_listing_is_found_after_it(mailbox: Mailbox, gmail: GmailSource) -> None:
    for number in range(5):
        mailbox.add(f"m{number}")
    pages = gmail.pages(ACCESS, "mailbox", None, SINCE)
    first = await anext(pages)
    mailbox.add("late")
    rest = [first, *[page async for page in pages]]

    assert set(items(rest)) == {"m0", "m1", "m2", "m3", "m4", "late"}


async def test_history_tells_what_came_and_what_went_and_each_mail_is_fetched_once(
    google: Vendor, mailbox: Mailbox, gmail: GmailSource
) -> None:
    mailbox.add("m1")
    first = await read(gmail, "mailbox")
    for id in ("m2", "m3", "m4"):
        mailbox.add(id)
    mailbox.remove("m3")
    google.asked.clear()
    later = await read(gmail, "mailbox", first[-1].cursor)

    assert (set(items(later)), gone(later)) == ({"m2", "m4"}, {"m3"})
    fetched = [asked.path for asked in google.asked if "/messages/" in asked.path]
    assert len(fetched) == len(set(fetched))
    assert (await read(gmail, "mailbox", later[-1].cursor))[0].items == ()


async def test_forgotten_history_is_an_expired_cursor(mailbox: Mailbox, gmail: GmailSource) -> None:
    mailbox.add("m1")
    first = await read(gmail, "mailbox")
    mailbox.add("m2")
    mailbox.oldest = 100
    with pytest.raises(CursorExpired):
        await read(gmail, "mailbox", first[-1].cursor)


async def test_no_snippet_and_no_body_is_kept(google: Vendor, mailbox: Mailbox, gmail: GmailSource) -> None:
    mailbox.add("m1")
    answer = mailbox.answer

    def with_snippet(asked: Asked) -> Told:
        told = answer(asked)
        return Told({**told.content, "snippet": "secret words"}, told.status)

    google.answer = with_snippet
    assert "secret" not in str(items(await read(gmail, "mailbox")))


async def test_gmail_is_watched_through_the_operators_topic(
    google: Vendor, mailbox: Mailbox, gmail: GmailSource
) -> None:
    watch = await gmail.watch(ACCESS, "mailbox", Hook("w_1", "https://a.example", "s"))

    assert google.asked[-1].body == {"topicName": "projects/p/topics/t"}
    assert watch.expires_at


class Events:
    """A calendar with sync tokens, two events a page."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.oldest = 0
        self.channels: list[Any] = []

    def put(self, id: str, status: str = "confirmed") -> None:
        self.log.append(id)
        self.events[id] = {
            "id": id,
            "status": status,
            "summary": f"Event {id}",
            "updated": f"2026-11-20T10:00:{len(self.log):02}Z",
            "start": {"dateTime": "2026-11-25T10:00:00+01:00"},
            "end": {"dateTime": "2026-11-25T11:00:00+01:00"},
            "attendees": [{"email": "ada@example.com", "self": True}, {"email": "s@example.com"}],
        }

    def answer(self, asked: Asked) -> Told:
        if asked.path.endswith("/calendarList"):
            rows = [{"id": "ada@example.com", "primary": True, "summary": "Ada"}, {"id": "x", "selected": False}]
            return Told({"items": rows})
        if asked.path.endswith("/watch") or asked.path.endswith("/stop"):
            self.channels.append(asked.body)
            return Told({"resourceId": "r1", "expiration": "1796000000000"})
        token = asked.query.get("syncToken")
        if token is not None:
            assert "timeMin" not in asked.query, "Google refuses the two together"
            if int(token) < self.oldest:
                return Told({"error": {"errors": [{"reason": "fullSyncRequired"}]}}, 410)
        rows = [self.events[id] for id in dict.fromkeys(self.log[int(token or 0) :])]
        if token is None:
            rows = [row for row in rows if row["status"] != "cancelled"]
        at = int(asked.query.get("pageToken", "0"))
        content: dict[str, Any] = {"items": rows[at : at + 2]}
        more = at + 2 < len(rows)
        return Told(content | ({"nextPageToken": str(at + 2)} if more else {"nextSyncToken": str(len(self.log))}))


@pytest.fixture
def events(google: Vendor) -> Events:
    made = Events()
    google.answer = made.answer
    return made


async def test_a_calendar_is_listed_and_then_only_changes_come_deletions_among_them(
    google: Vendor, events: Events, calendar: CalendarSource
) -> None:
    for number in range(5):
        events.put(f"e{number}")
    assert [stream.id for stream in await calendar.streams(ACCESS)] == [CALENDAR]
    first = await read(calendar, CALENDAR)
    assert len(items(first)) == 5
    assert items(first)["e0"].people == 1
    events.put("e9")
    events.put("e1", "cancelled")
    google.asked.clear()
    later = await read(calendar, CALENDAR, first[-1].cursor)

    assert (set(items(later)), gone(later)) == ({"e9"}, {"e1"})
    assert len(google.asked) == 1


async def test_a_forgotten_sync_token_is_an_expired_cursor(events: Events, calendar: CalendarSource) -> None:
    events.put("e1")
    first = await read(calendar, CALENDAR)
    events.oldest = 100
    with pytest.raises(CursorExpired):
        await read(calendar, CALENDAR, first[-1].cursor)


async def test_a_channel_carries_our_watch_and_its_secret_and_cannot_be_renewed(
    events: Events, calendar: CalendarSource
) -> None:
    hook = Hook("w_1", "https://a.example/webhooks/calendar?watch=w_1", "s3cret")
    watch = await calendar.watch(ACCESS, CALENDAR, hook)

    assert {key: events.channels[0][key] for key in ("id", "token", "address")} == {
        "id": "w_1",
        "token": "s3cret",
        "address": hook.address,
    }
    assert await calendar.renew(ACCESS, watch, hook) is None
    await calendar.unwatch(ACCESS, watch)
    assert events.channels[-1] == {"id": "w_1", "resourceId": "r1"}
