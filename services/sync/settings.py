"""What an operator may set for sync."""

from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class SyncSettings(ServiceSettings):
    """`ADJUTANT_SYNC_…`; only what every service has, until fetching begins."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_SYNC_")
