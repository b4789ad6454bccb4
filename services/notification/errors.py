"""The errors of notification.

NotFound
└── NotificationNotFound     no such entry in this user's inbox
"""

from libs.resilience.errors import NotFound


class NotificationNotFound(NotFound):
    """Not there, or in somebody else's inbox."""

    slug = "notification_not_found"
