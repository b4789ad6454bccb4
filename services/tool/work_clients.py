"""The providers of work tools, opened once for a process: GitHub, Slack, Outlook and Notion."""

from dataclasses import dataclass

import httpx

from libs.providers.github.api import DEFAULT_BASE_URL as GITHUB_API
from libs.providers.github.api import github_api
from libs.providers.github.issue_actions import GitHubIssueActions
from libs.providers.github.issues import GitHubIssues
from libs.providers.microsoft.agenda import OutlookAgenda
from libs.providers.microsoft.api import DEFAULT_BASE_URL as MICROSOFT_API
from libs.providers.microsoft.api import graph_api
from libs.providers.microsoft.event_actions import OutlookEventActions
from libs.providers.microsoft.mail_actions import OutlookMailActions
from libs.providers.microsoft.mailbox import OutlookMailbox
from libs.providers.notion.api import DEFAULT_BASE_URL as NOTION_API
from libs.providers.notion.api import notion_api
from libs.providers.notion.page_actions import NotionPageActions
from libs.providers.notion.pages import NotionPages
from libs.providers.slack.api import DEFAULT_BASE_URL as SLACK_API
from libs.providers.slack.api import slack_api
from libs.providers.slack.conversations import SlackConversations
from libs.providers.slack.posting import SlackPosting


@dataclass(frozen=True, slots=True)
class WorkClients:
    """What tools read and write with. None of them knows a user: each call brings the token."""

    github: GitHubIssues
    github_actions: GitHubIssueActions
    slack: SlackConversations
    slack_posting: SlackPosting
    outlook_mail: OutlookMailbox
    outlook_mail_actions: OutlookMailActions
    outlook_agenda: OutlookAgenda
    outlook_event_actions: OutlookEventActions
    notion: NotionPages
    notion_actions: NotionPageActions

    @classmethod
    def open(
        cls,
        http: httpx.AsyncClient,
        *,
        github_api_url: str = GITHUB_API,
        slack_api_url: str = SLACK_API,
        microsoft_api_url: str = MICROSOFT_API,
        notion_api_url: str = NOTION_API,
    ) -> "WorkClients":
        """Addresses are the roots of the vendors' APIs, without a slash at their end."""
        github = github_api(http, github_api_url)
        slack = slack_api(http, slack_api_url)
        outlook_mail = graph_api("outlook_mail", http, microsoft_api_url)
        outlook_calendar = graph_api("outlook_calendar", http, microsoft_api_url)
        notion = notion_api(http, notion_api_url)
        return cls(
            github=GitHubIssues(github),
            github_actions=GitHubIssueActions(github),
            slack=SlackConversations(slack),
            slack_posting=SlackPosting(slack),
            outlook_mail=OutlookMailbox(outlook_mail),
            outlook_mail_actions=OutlookMailActions(outlook_mail),
            outlook_agenda=OutlookAgenda(outlook_calendar),
            outlook_event_actions=OutlookEventActions(outlook_calendar),
            notion=NotionPages(notion),
            notion_actions=NotionPageActions(notion),
        )
