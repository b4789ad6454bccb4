"""What an operator may set for tool."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.providers.github import api as github
from libs.providers.google import calendar, gmail
from libs.providers.microsoft import api as microsoft
from libs.providers.notion import api as notion
from libs.providers.slack import api as slack
from libs.runtime import ServiceSettings


class ToolSettings(ServiceSettings):
    """`ADJUTANT_TOOL_…`"""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_TOOL_")

    proposal_hours: float = Field(default=24.0, gt=0, le=24 * 30)
    """How long an action waits for its user's decision."""
    hold_s: float = Field(default=10.0, ge=0, le=3600)
    """How long a mail or message is held back before it goes out, so that it can be withdrawn; 0: not at all."""
    undo_minutes: float = Field(default=10.0, ge=0, le=24 * 60)
    """How long an action that can be taken back is offered for that."""
    bookings_kept_days: int = Field(default=365, ge=1, le=3650)
    """How long after a meeting the name, address and note of who booked it are kept."""
    abandoned_bookings_kept_days: int = Field(default=30, ge=7, le=3650)
    """How long a booking that was cancelled or not made is kept, and the ledger's lines about bookings; longer than any
    command may wait."""
    gmail_api: str = gmail.DEFAULT_BASE_URL
    """Root of the Gmail API, with a slash at its end."""
    calendar_api: str = calendar.DEFAULT_BASE_URL
    """The Calendar API including its path: ends with `/calendar/v3/`."""
    github_api: str = github.DEFAULT_BASE_URL
    """Root of GitHub's API."""
    microsoft_api: str = microsoft.DEFAULT_BASE_URL
    """Root of Microsoft Graph, with the version."""
    notion_api: str = notion.DEFAULT_BASE_URL
    """Root of Notion's API."""
    slack_api: str = slack.DEFAULT_BASE_URL
    """Root of Slack's Web API."""
