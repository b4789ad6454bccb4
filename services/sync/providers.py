"""The providers that are synced: a line each."""

import asyncio
from collections.abc import Mapping

import httpx

from libs.providers.discord.source import DiscordSource
from libs.providers.github.source import GitHubSource
from libs.providers.google.calendar_source import CalendarSource
from libs.providers.google.gmail_source import GmailSource
from libs.providers.microsoft.outlook_calendar import OutlookCalendarSource
from libs.providers.microsoft.outlook_mail import OutlookMailSource
from libs.providers.microsoft.teams import TeamsSource
from libs.providers.notion.source import NotionSource
from libs.providers.rest import Pace
from libs.providers.slack.source import SlackSource
from libs.providers.source import Source
from libs.providers.zoom.source import ZoomSource
from services.sync.settings import SyncSettings


async def open_sources(http: httpx.AsyncClient, settings: SyncSettings, pace: Pace) -> Mapping[str, Source]:
    """By provider name. Google's descriptions are loaded in threads."""
    gmail, calendar = await asyncio.gather(
        GmailSource.open(http, settings.gmail_api, settings.gmail_topic or None),
        CalendarSource.open(http, settings.calendar_api),
    )
    found: tuple[Source, ...] = (
        gmail,
        calendar,
        GitHubSource(http, settings.github_api, pace),
        SlackSource(http, settings.slack_api, pace),
        OutlookMailSource(http, settings.microsoft_api, pace),
        OutlookCalendarSource(http, settings.microsoft_api, pace),
        TeamsSource(http, settings.microsoft_api, pace),
        NotionSource(http, settings.notion_api, pace),
        DiscordSource(http, settings.discord_api, pace),
        ZoomSource(http, settings.zoom_api, pace),
    )
    return {source.provider: source for source in found}
