"""What a user allows by telephone: read it, change it, and what it is before anybody chose."""

import re
from datetime import datetime

from contracts.voice import UpdateVoiceSettings, VoiceSettings
from libs.db import Transaction
from services.voice.errors import InvalidVoice

_READ = "select answer_calls, send_sms, voice from telephone_settings"
_READ_FOR_CHANGE = "select answer_calls, send_sms, voice from telephone_settings for update"
# Twilio's `Polly.Joanna-Neural` and ElevenLabs' 20-letter ids both fit.
_VOICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def changed(current: VoiceSettings, wish: UpdateVoiceSettings) -> VoiceSettings:
    """The settings after the wish: absent fields stay. Raises InvalidVoice."""
    if wish.voice is not None and not _VOICE_NAME.fullmatch(wish.voice):
        raise InvalidVoice("the name of a voice is 1 to 64 letters, digits, dots, dashes or underscores")
    return current.model_copy(update=wish.model_dump(exclude_none=True))


async def prepare(tx: Transaction, default_voice: str, now: datetime) -> None:
    """A row with everything off; a user who has chosen already keeps the choice."""
    await tx.execute(
        "insert into telephone_settings (voice, updated_at) values ($1, $2) on conflict do nothing", default_voice, now
    )


async def read(tx: Transaction, default_voice: str, *, for_change: bool = False) -> VoiceSettings:
    """The settings of the transaction's user; with `for_change`, nobody else changes them until it ends."""
    row = await tx.fetchrow(_READ_FOR_CHANGE if for_change else _READ)
    return VoiceSettings(**row) if row else VoiceSettings(answer_calls=False, send_sms=False, voice=default_voice)


async def write(tx: Transaction, settings: VoiceSettings, now: datetime) -> None:
    """Keep the settings."""
    await tx.execute(
        "update telephone_settings set answer_calls = $1, send_sms = $2, voice = $3, updated_at = $4",
        settings.answer_calls,
        settings.send_sms,
        settings.voice,
        now,
    )
