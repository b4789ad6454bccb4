"""What all of Graph's products share: refusals, delta queries, subscriptions.

Source: Microsoft Graph's documentation on delta queries and change notifications, as gathered in November 2026. There
is no emulator of these products: the tests rest on a small server of ours after that documentation.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from libs.providers.errors import CursorExpired, EntityNotFound, plain_word
from libs.providers.rest import Access, Pace, RestApi
from libs.providers.source import Hook, Watch
from libs.resilience.errors import AdjutantError

AT_ONCE = 4
"""Requests of one mailbox that Outlook serves at the same time."""
PAGE_SIZE = 100
WATCH_FOR = timedelta(days=6)
"""Outlook keeps a subscription for at most 10,080 minutes."""
_FORGOTTEN = frozenset(
    {"syncStateNotFound", "SyncStateNotFound", "resyncRequired", "syncStateInvalid", "ErrorInvalidSyncStateData"}
)


class Graph:
    """One client for a product; `provider` is the registry's name."""

    def __init__(self, provider: str, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        headers = {"prefer": f'IdType="ImmutableId", odata.maxpagesize={PAGE_SIZE}'}
        self._api = RestApi("Microsoft", provider, base_url, http, headers=headers, refuse=_refusal, pace=pace)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def get(
        self,
        access: Access,
        route: str,
        path: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One page; `route` is a template, or an address that Graph itself gave."""
        async with self._slots:
            answer = await self._api.send("GET", route, access, path=path, params=parameters)
        content: dict[str, Any] = answer.content or {}
        return content

    async def listed(
        self, access: Access, route: str, path: Mapping[str, str] | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Every row of a plain list, over all its pages."""
        page = await self.get(access, route, path)
        while True:
            for row in page.get("value", ()):
                yield row
            if (following := page.get("@odata.nextLink")) is None:
                return
            page = await self.get(access, following)

    async def delta(
        self,
        access: Access,
        route: str,
        path: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[tuple[list[dict[str, Any]], str], None]:
        """Pages from `route` (the first time), or from what an earlier page gave: rows, and where to go on. Raises
        CursorExpired."""
        page = await self.get(access, route, path, parameters)
        while True:
            following = page.get("@odata.nextLink")
            yield page.get("value", []), following or page["@odata.deltaLink"]
            if following is None:
                return
            page = await self.get(access, following)

    async def subscribe(self, access: Access, resource: str, hook: Hook) -> Watch:
        """The client state names our watch as well as its secret: one request may bring several subscriptions."""
        body = {
            "changeType": "created,updated,deleted",
            "resource": resource,
            "notificationUrl": hook.address,
            "lifecycleNotificationUrl": hook.address,
            "clientState": f"{hook.watch_id}.{hook.secret}",
            "expirationDateTime": _ends(),
        }
        answer = await self._api.send("POST", "/subscriptions", access, json=body)
        return _watch(answer.content)

    async def renew(self, access: Access, watch: Watch) -> Watch | None:
        """The same subscription for longer; None when it is gone."""
        try:
            answer = await self._api.send(
                "PATCH",
                "/subscriptions/{id}",
                access,
                path={"id": watch.remote_id},
                json={"expirationDateTime": _ends()},
            )
        except EntityNotFound:
            return None
        return _watch(answer.content)

    async def unsubscribe(self, access: Access, watch: Watch) -> None:
        """End it; one that is gone is ended."""
        try:
            await self._api.send("DELETE", "/subscriptions/{id}", access, path={"id": watch.remote_id})
        except EntityNotFound:
            return


def moment(text: str | None) -> datetime:
    """Graph writes seven digits of a second, and leaves the zone out where it is UTC."""
    if not text:
        return datetime.fromtimestamp(0, UTC)
    whole, _, rest = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC, microsecond=int((rest or "0")[:6].ljust(6, "0")))


def line(text: object) -> str:
    """One printable line of at most 300 characters; outsiders wrote it."""
    return "".join(character for character in str(text or "") if character.isprintable())[:300]


def _ends() -> str:
    return (datetime.now(UTC) + WATCH_FOR).isoformat(timespec="seconds").replace("+00:00", "Z")


def _watch(answer: dict[str, Any]) -> Watch:
    return Watch(str(answer["id"]), moment(answer.get("expirationDateTime")), str(answer.get("resource", "")))


def _refusal(label: str, response: httpx.Response) -> AdjutantError | None:
    """A cursor that Graph forgot is 410, or a 40X with one of several words."""
    if response.status_code == 410:
        return CursorExpired(f"{label} no longer knows what happened since the last sync.")
    if not 400 <= response.status_code < 500:
        return None
    try:
        content = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict) and plain_word(error.get("code")) in _FORGOTTEN:
        return CursorExpired(f"{label} no longer knows what happened since the last sync.")
    return None
