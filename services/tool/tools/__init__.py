"""Every tool there is. The order is the order in which a model sees them."""

from services.tool.offered import OfferedTools
from services.tool.tools.calendar import CALENDAR_TOOLS
from services.tool.tools.calendar_changes import CALENDAR_CHANGE_TOOLS
from services.tool.tools.contacts import CONTACTS_TOOLS
from services.tool.tools.delegation import DELEGATION_TOOLS
from services.tool.tools.delegation_steps import DELEGATION_STEPS
from services.tool.tools.github import GITHUB_TOOLS
from services.tool.tools.github_writing import GITHUB_WRITING_TOOLS
from services.tool.tools.mail import MAIL_TOOLS
from services.tool.tools.mail_labels import MAIL_LABEL_TOOLS
from services.tool.tools.mail_writing import MAIL_WRITING_TOOLS
from services.tool.tools.memory import MEMORY_TOOLS
from services.tool.tools.network import NETWORK_TOOLS
from services.tool.tools.notifications import NOTIFICATION_TOOLS
from services.tool.tools.notion import NOTION_TOOLS
from services.tool.tools.outlook_calendar import OUTLOOK_CALENDAR_TOOLS
from services.tool.tools.outlook_events import OUTLOOK_EVENT_TOOLS
from services.tool.tools.outlook_mail import OUTLOOK_MAIL_TOOLS
from services.tool.tools.slack import SLACK_TOOLS
from services.tool.tools.tasks import TASK_TOOLS

registry = OfferedTools(
    (
        *(
            *MAIL_TOOLS,
            *MAIL_WRITING_TOOLS,
            *MAIL_LABEL_TOOLS,
            *CONTACTS_TOOLS,
            *CALENDAR_TOOLS,
            *CALENDAR_CHANGE_TOOLS,
            *TASK_TOOLS,
            *MEMORY_TOOLS,
            *NOTIFICATION_TOOLS,
            *NETWORK_TOOLS,
        ),
        *(*OUTLOOK_MAIL_TOOLS, *OUTLOOK_CALENDAR_TOOLS, *OUTLOOK_EVENT_TOOLS),
        *(*GITHUB_TOOLS, *GITHUB_WRITING_TOOLS, *SLACK_TOOLS, *NOTION_TOOLS),
        *(*DELEGATION_TOOLS, *DELEGATION_STEPS),
    )
)
