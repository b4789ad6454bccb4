"""What an operator may set for chat."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class ChatSettings(ServiceSettings):
    """`ADJUTANT_CHAT_…`"""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_CHAT_", protected_namespaces=())

    model_base_url: str = ""
    """Root of an OpenAI-compatible API, for example `https://api.openai.com/v1`. Empty: the offline engine answers."""
    model_api_key: SecretStr = SecretStr("")
    """Key for that API; may stay empty for a local server that asks for none."""
    model: str = "gpt-5-mini"
    """Name of the model."""
    first_token_s: float = Field(default=20.0, gt=0)
    """How long a model may take until its first token, in seconds; then it counts as failed."""
    turn_s: float = Field(default=120.0, gt=0)
    """The longest a turn may take, in seconds."""
    history_characters: int = Field(default=24_000, ge=0)
    """How much of the conversation so far a model is shown."""
