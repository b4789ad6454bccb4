"""Discord: requests conform to the vendor's description. Zoom: after its documentation; no description is at hand."""

from typing import Any

import httpx
import pytest

from libs.providers.discord.source import DiscordSource
from libs.providers.errors import ProviderBusy
from libs.providers.zoom.source import ZoomSource
from tests.service.providers.vendor_description import conforms
from tests.service.providers.vendor_server import Asked, Told, items, read, vendor


async def test_all_servers_of_a_discord_user_are_listed_over_all_pages() -> None:
    rows = [{"id": str(1_000_000_000_000_000_000 + n), "name": f"Guild {n}", "owner": n == 0} for n in range(250)]

    def guilds(asked: Asked) -> Told:
        after = int(asked.query.get("after", "0"))
        return Told([row for row in rows if int(row["id"]) > after][: int(asked.query["limit"])])

    async with vendor(guilds) as discord, httpx.AsyncClient() as http:
        discord.check = conforms("discord.json", ("/users/@me/guilds",), "")
        pages = await read(DiscordSource(http, discord.url), "guilds")

    assert len(items(pages)) == 250
    assert len(discord.asked) == 2
    assert items(pages)[f"guild:{rows[0]['id']}"].at.year == 2022


async def test_discords_empty_share_is_a_pause_for_the_next_request() -> None:
    paused: list[float] = []

    class Pace:
        async def ready(self, provider: str, connection_id: str) -> None:
            return

        async def pause(self, provider: str, connection_id: str, seconds: float) -> None:
            paused.append(seconds)

    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.5"}
    async with vendor(lambda asked: Told([], headers=headers)) as discord, httpx.AsyncClient() as http:
        await read(DiscordSource(http, discord.url, Pace()), "guilds")
    assert paused == [1.5]


async def test_zooms_meetings_are_listed_upcoming_and_past() -> None:
    def meetings(asked: Asked) -> Told:
        kind, page = asked.query["type"], asked.query.get("next_page_token", "")
        row: dict[str, Any] = {"id": 1, "uuid": f"{kind}{page}", "topic": "Weekly\x07", "duration": 30}
        row["start_time"] = "2026-11-25T10:00:00Z"
        return Told({"meetings": [row], "next_page_token": "" if page else "2"})

    async with vendor(meetings) as zoom, httpx.AsyncClient() as http:
        found = items(await read(ZoomSource(http, zoom.url), "meetings"))

    assert set(found) == {"scheduled", "scheduled2", "previous_meetings", "previous_meetings2"}
    meeting = found["scheduled"]
    assert meeting.ends_at
    assert (meeting.title, (meeting.ends_at - meeting.at).total_seconds()) == ("Weekly", 1800)


async def test_zooms_limit_is_told_with_its_pause() -> None:
    async with vendor(lambda asked: Told({}, 429, {"retry-after": "60"})) as zoom, httpx.AsyncClient() as http:
        with pytest.raises(ProviderBusy) as busy:
            await read(ZoomSource(http, zoom.url), "meetings")
    assert busy.value.retry_after_s == 60
