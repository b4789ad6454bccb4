"""What an operator may set for voice."""

from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class VoiceServiceSettings(ServiceSettings):
    """`ADJUTANT_VOICE_…`."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_VOICE_")

    default_voice: str = "Polly.Joanna"
    """Voice of a user who has not chosen one, as the speech provider writes it."""
