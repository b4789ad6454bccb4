"""Voice, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.gateway import UserRegistered
from contracts.voice import GetVoiceSettings, UpdateVoiceSettings
from libs.bus import answer, react
from libs.runtime import Resources, Service
from services.voice.deps import Voice
from services.voice.handlers import get_voice_settings, prepare_settings, update_voice_settings
from services.voice.settings import VoiceServiceSettings

routes = (
    react(UserRegistered, prepare_settings),
    answer(GetVoiceSettings, get_voice_settings),
    answer(UpdateVoiceSettings, update_voice_settings),
)


@asynccontextmanager
async def open_voice(resources: Resources[VoiceServiceSettings]) -> AsyncIterator[Voice]:
    """Voice needs its schema and the bus; telephony comes with the calls."""
    yield Voice(db=resources.db, bus=resources.bus, default_voice=resources.settings.default_voice)


service = Service(name="voice", settings=VoiceServiceSettings, routes=routes, open=open_voice)
