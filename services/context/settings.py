"""What an operator may set for context."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class ContextSettings(ServiceSettings):
    """`ADJUTANT_CONTEXT_…`."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_CONTEXT_")

    default_timezone: str = "UTC"
    """IANA timezone of a user who has not told theirs."""
    max_memories: int = Field(500, ge=1, le=2000)
    """Entries of memory a user may have; beyond it the least important, oldest goes."""
