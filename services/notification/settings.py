"""What an operator may set for notification."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class NotificationSettings(ServiceSettings):
    """`ADJUTANT_NOTIFICATION_…`."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_NOTIFICATION_")

    page_limit: int = Field(200, ge=1)
    """Most entries that one answer of the inbox holds."""
