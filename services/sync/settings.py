"""What an operator may set for sync."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class SyncSettings(ServiceSettings):
    """`ADJUTANT_SYNC_…`; addresses are there for tests and proxies."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_SYNC_")

    period_s: float = Field(1200.0, ge=60)
    """Seconds between two runs of a connection, a quarter more or less at random."""
    window_days: int = Field(30, ge=1, le=366)
    """How far back a first sync goes, in days."""
    keep_activities_days: int = Field(400, ge=1)
    """How long an activity is kept, counted from when it happened, in days."""
    debounce_s: float = Field(30.0, ge=0)
    """A wish to sync by hand is ignored for this long after a run began, in seconds."""
    daily_calls: int = Field(20_000, ge=0)
    """Requests to one provider for one user and day of which 80 and 100 % are worth a notice; 0: no notice."""
    switched_off: tuple[str, ...] = ()
    """Providers that are not synced; their data stays. A JSON list."""
    webhooks_url: str = ""
    """Address under which providers reach `/webhooks/…`, https. Empty: no subscriptions; the schedule finds changes."""
    gmail_api: str = "https://gmail.googleapis.com/"
    """Root of Gmail's API."""
    gmail_topic: str = ""
    """Pub/Sub topic that Gmail publishes changes to, `projects/…/topics/…`. Empty: Gmail is not watched."""
    calendar_api: str = "https://www.googleapis.com/calendar/v3/"
    """Root of Google Calendar's API, with the version."""
    github_api: str = "https://api.github.com"
    """Root of GitHub's API."""
    microsoft_api: str = "https://graph.microsoft.com/v1.0"
    """Root of Microsoft Graph."""
    notion_api: str = "https://api.notion.com"
    """Root of Notion's API."""
    discord_api: str = "https://discord.com/api/v10"
    """Root of Discord's API."""
    zoom_api: str = "https://api.zoom.us/v2"
    """Root of Zoom's API."""
    slack_api: str = "https://slack.com/api"
    """Root of Slack's Web API."""
