"""Every tool there is. The order is the order in which a model sees them."""

from services.tool.registry import Registry
from services.tool.tools.calendar import CALENDAR_TOOLS
from services.tool.tools.contacts import CONTACTS_TOOLS
from services.tool.tools.mail import MAIL_TOOLS

registry = Registry((*MAIL_TOOLS, *CONTACTS_TOOLS, *CALENDAR_TOOLS))
