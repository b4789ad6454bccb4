"""What the user tells about themselves, and what they allow by telephone."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from contracts.context import Profile, UpdateProfile
from contracts.voice import GetVoiceSettings, UpdateVoiceSettings, VoiceSettings
from services.gateway.accounts import update_account
from services.gateway.guards import GatewayHere, Manager, Reader
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api", tags=["profile"], route_class=StrictRoute)


class ProfileChange(StrictBody):
    """Absent fields stay."""

    display_name: ShortLine | None = None
    timezone: Timezone | None = None


class VoiceChange(StrictBody):
    """Absent fields stay."""

    answer_calls: bool | None = None
    send_sms: bool | None = None
    voice: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None


@router.patch("/profile", responses=problems(*AUTHENTICATED, *WITH_BODY))
async def change_profile(body: ProfileChange, caller: Manager, gateway: GatewayHere) -> Profile:
    """Change name or timezone."""
    query = UpdateProfile(display_name=body.display_name, timezone=body.timezone)
    profile = await gateway.bus.ask(query, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await update_account(tx, body.display_name, body.timezone)
    return profile


@router.get("/voice/settings", responses=problems(*AUTHENTICATED))
async def voice_settings(caller: Reader, gateway: GatewayHere) -> VoiceSettings:
    """What the assistant may do by telephone."""
    return await gateway.bus.ask(GetVoiceSettings(), scope=caller.scope)


@router.patch("/voice/settings", responses=problems(*AUTHENTICATED, *WITH_BODY))
async def change_voice_settings(body: VoiceChange, caller: Manager, gateway: GatewayHere) -> VoiceSettings:
    """Change what the assistant may do by telephone."""
    query = UpdateVoiceSettings(answer_calls=body.answer_calls, send_sms=body.send_sms, voice=body.voice)
    return await gateway.bus.ask(query, scope=caller.scope)
