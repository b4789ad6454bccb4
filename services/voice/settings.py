"""What an operator may set for voice."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class VoiceServiceSettings(ServiceSettings):
    """`ADJUTANT_VOICE_…`."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_VOICE_")

    default_voice: str = Field("Polly.Joanna", description="Voice of a user who has not chosen one")
