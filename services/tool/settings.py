"""What an operator may set for tool."""

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
