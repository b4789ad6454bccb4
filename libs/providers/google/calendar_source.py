"""Google Calendar for sync: one stream a calendar, kept by its sync token.

A first listing goes back to a moment and shows repeated events one by one; its last page holds the sync token, with
which only changes come, deletions as `cancelled`. A token that Google forgot is answered 410: then the calendar is
listed anew. A server that gives no sync token (the emulator) is listed whole every time, and what is missing is gone.
Source of the rules: Calendar's discovery document and its guide to synchronisation, which sends `timeMin` with the
first request only.
"""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, time
from typing import Any

import httpx

from libs.providers.errors import CursorExpired, EntityNotFound, PermissionMissing
from libs.providers.google.transport import GoogleApi
from libs.providers.rest import Access
from libs.providers.source import Hook, Item, Kind, Page, Stream, Watch

PAGE_SIZE = 250
PRIMARY = "primary"
WATCH_S = 7 * 24 * 3600
_CALENDARS, _EVENTS, _CHANNELS = "calendarList", "events", "channels"


class CalendarSource:
    """`libs.providers.source.Source` and `Watchable`."""

    provider = "calendar"

    def __init__(self, api: GoogleApi) -> None:
        self._api = api

    @classmethod
    async def open(cls, http: httpx.AsyncClient, base_url: str) -> "CalendarSource":
        """Load the API description; `base_url` ends with `/calendar/v3/`."""
        collections = (_CALENDARS, _EVENTS, _CHANNELS)
        return cls(await GoogleApi.open("Google Calendar", "calendar", "v3", collections, base_url, http))

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The calendars that the user has chosen to see; the primary one alone where the list was not permitted."""
        found: list[Stream] = []
        token: str | None = None
        try:
            while True:
                answer = await self._send(access, _CALENDARS, "list", pageToken=token, minAccessRole="reader")
                found += [_stream(row) for row in answer.get("items", ()) if row.get("selected", True)]
                if (token := answer.get("nextPageToken")) is None:
                    return tuple(found)
        except PermissionMissing:
            return (Stream(f"calendar:{PRIMARY}", "Calendar", tells_deletions=True),)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        # `singleEvents` has to be the same in every request of a token's life.
        begin: dict[str, str] = json.loads(cursor) if cursor else {"timeMin": since.isoformat()}
        while True:
            found = await self._events(access, stream.removeprefix("calendar:"), begin)
            events = found.get("items", ())
            token, sync = found.get("nextPageToken"), found.get("nextSyncToken")
            begin = {**begin, "pageToken": token} if token else {"syncToken": sync} if sync else {}
            yield Page(
                items=tuple(_item(event) for event in events if event.get("status") != "cancelled"),
                gone=tuple(str(event["id"]) for event in events if event.get("status") == "cancelled"),
                cursor=json.dumps(begin) if begin else None,
            )
            if token is None:
                return

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """A channel for one calendar; it cannot be renewed."""
        body = {
            "id": hook.watch_id,
            "type": "web_hook",
            "address": hook.address,
            "token": hook.secret,
            "params": {"ttl": str(WATCH_S)},
        }
        calendar = stream.removeprefix("calendar:")
        answer = await self._send(access, _EVENTS, "watch", calendarId=calendar, body=body)
        expiration = answer.get("expiration")
        expires_at = datetime.fromtimestamp(int(expiration) / 1000, UTC) if expiration else None
        return Watch(hook.watch_id, expires_at, str(answer.get("resourceId", "")))

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """Google's channels end; a new one takes over."""
        return None

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """Stop the channel."""
        try:
            body = {"id": watch.remote_id, "resourceId": watch.resource}
            await self._send(access, _CHANNELS, "stop", body=body)
        except EntityNotFound:
            return

    async def _events(self, access: Access, calendar: str, begin: dict[str, str]) -> dict[str, Any]:
        try:
            return await self._send(
                access, _EVENTS, "list", calendarId=calendar, singleEvents=True, maxResults=PAGE_SIZE, **begin
            )
        except EntityNotFound as error:
            if "syncToken" in begin:
                raise CursorExpired("Google Calendar no longer knows the sync token.") from error
            raise

    async def _send(self, access: Access, collection: str, method: str, **parameters: object) -> dict[str, Any]:
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self._api.send(self._api.request(collection, method, **given), access.token)


def _stream(row: dict[str, Any]) -> Stream:
    calendar = PRIMARY if row.get("primary") else str(row["id"])
    return Stream(f"calendar:{calendar}", str(row.get("summary", ""))[:300], tells_deletions=True)


def _item(event: dict[str, Any]) -> Item:
    others = [guest for guest in event.get("attendees", ()) if not guest.get("self")]
    begins, ends = _moment(event.get("start")), _moment(event.get("end"))
    organizer = event.get("organizer") or event.get("creator") or {}
    return Item(
        external_id=str(event["id"]),
        kind=Kind.EVENT,
        at=begins or datetime.fromtimestamp(0, UTC),
        ends_at=ends,
        title=str(event.get("summary") or "(no title)")[:300],
        version=str(event.get("updated", "")),
        url=event.get("htmlLink"),
        actor=organizer.get("displayName") or organizer.get("email"),
        people=len(others),
        metadata={
            "all_day": "date" in (event.get("start") or {}),
            "status": str(event.get("status", "")),
            "guests": tuple(str(guest.get("email", "")) for guest in others[:50]),
        },
    )


def _moment(given: dict[str, Any] | None) -> datetime | None:
    """Whole days begin at midnight UTC: their zone is the calendar's, which the statistics do not need."""
    if given and "dateTime" in given:
        return datetime.fromisoformat(given["dateTime"]).astimezone(UTC)
    if given and "date" in given:
        return datetime.combine(date.fromisoformat(given["date"]), time(), UTC)
    return None
