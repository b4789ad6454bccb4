"""Voice, running: nothing is allowed by telephone until the user says so."""

from collections.abc import AsyncIterator

import pytest

from contracts.envelope import Scope
from contracts.gateway import UserRegistered
from contracts.voice import GetVoiceSettings, UpdateVoiceSettings, VoiceSettings, VoiceSettingsUpdated
from libs.bus import RemoteError
from services.voice.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours, eventually


@pytest.fixture(scope="module")
async def voice(platform: Platform) -> AsyncIterator[Neighbours]:
    async with between_neighbours(service, platform, default_voice="Polly.Vicki") as running:
        yield running


async def test_a_new_user_allows_nothing(voice: Neighbours, scope: Scope) -> None:
    await voice.emit(UserRegistered(**scope_ids(scope), timezone="UTC"), scope)
    await eventually(lambda: _has_row(voice, scope))

    settings = await voice.ask(GetVoiceSettings(), scope)
    assert settings == VoiceSettings(answer_calls=False, send_sms=False, voice="Polly.Vicki")


async def test_a_change_is_kept_and_announced_once(voice: Neighbours, scope: Scope) -> None:
    await voice.ask(UpdateVoiceSettings(answer_calls=True), scope)
    await voice.ask(UpdateVoiceSettings(answer_calls=True), scope)
    await voice.ask(UpdateVoiceSettings(send_sms=True), scope)

    announced = await voice.heard(VoiceSettingsUpdated, scope, count=2)
    assert [(event.answer_calls, event.send_sms) for event in announced] == [(True, False), (True, True)]
    assert (await voice.ask(GetVoiceSettings(), scope)).send_sms


async def test_a_choice_made_before_the_registration_was_heard_stays(voice: Neighbours, scope: Scope) -> None:
    await voice.ask(UpdateVoiceSettings(voice="Polly.Joanna"), scope)
    await voice.emit(UserRegistered(**scope_ids(scope), timezone="UTC"), scope)
    await eventually(lambda: _has_row(voice, scope))

    assert (await voice.ask(GetVoiceSettings(), scope)).voice == "Polly.Joanna"


async def test_a_name_that_cannot_be_a_voice_is_refused_with_advice(voice: Neighbours, scope: Scope) -> None:
    with pytest.raises(RemoteError) as refused:
        await voice.ask(UpdateVoiceSettings(voice="no such voice!"), scope)

    assert (refused.value.slug, refused.value.status) == ("invalid_voice", 422)


async def test_one_users_choice_is_nobody_elses(voice: Neighbours, scope: Scope, stranger: Scope) -> None:
    await voice.ask(UpdateVoiceSettings(answer_calls=True), scope)

    assert not (await voice.ask(GetVoiceSettings(), stranger)).answer_calls


def scope_ids(scope: Scope) -> dict[str, str]:
    return {"user_id": scope.user_id, "organization_id": scope.organization_id}


async def _has_row(voice: Neighbours, scope: Scope) -> bool:
    async with voice.db.reading(scope) as tx:
        return bool(await tx.fetchval("select 1 from telephone_settings"))
