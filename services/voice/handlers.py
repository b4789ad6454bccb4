"""What voice does when something arrives."""

from datetime import UTC, datetime

from contracts.gateway import UserRegistered
from contracts.voice import GetVoiceSettings, UpdateVoiceSettings, VoiceSettings, VoiceSettingsUpdated
from libs.bus import Call, publish
from libs.db import Transaction
from services.voice import telephone_settings
from services.voice.deps import Voice


async def prepare_settings(event: UserRegistered, tx: Transaction, deps: Voice) -> None:
    """Somebody joined: nothing is allowed by telephone until they say so."""
    await telephone_settings.prepare(tx, deps.default_voice, datetime.now(UTC))


async def get_voice_settings(query: GetVoiceSettings, call: Call, deps: Voice) -> VoiceSettings:
    """What the caller allows."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await telephone_settings.read(tx, deps.default_voice)


async def update_voice_settings(query: UpdateVoiceSettings, call: Call, deps: Voice) -> VoiceSettings:
    """Change what is given, and say so when something changed."""
    now = datetime.now(UTC)
    async with deps.db.transaction(call.require_scope()) as tx:
        await telephone_settings.prepare(tx, deps.default_voice, now)
        current = await telephone_settings.read(tx, deps.default_voice, for_change=True)
        settings = telephone_settings.changed(current, query)
        if settings != current:
            await telephone_settings.write(tx, settings, now)
            await publish(tx, VoiceSettingsUpdated(answer_calls=settings.answer_calls, send_sms=settings.send_sms))
    return settings
