"""What changes when a user changes what is allowed by telephone."""

import pytest

from contracts.voice import UpdateVoiceSettings, VoiceSettings
from services.voice.errors import InvalidVoice
from services.voice.telephone_settings import changed

NOTHING_ALLOWED = VoiceSettings(answer_calls=False, send_sms=False, voice="Polly.Joanna")


def test_absent_fields_stay() -> None:
    assert changed(NOTHING_ALLOWED, UpdateVoiceSettings(send_sms=True)) == VoiceSettings(
        answer_calls=False, send_sms=True, voice="Polly.Joanna"
    )


def test_false_is_a_wish_and_not_an_absent_field() -> None:
    allowed = VoiceSettings(answer_calls=True, send_sms=True, voice="Polly.Joanna")

    assert not changed(allowed, UpdateVoiceSettings(answer_calls=False)).answer_calls


@pytest.mark.parametrize("voice", ["Polly.Vicki-Neural", "21m00Tcm4TlvDq8ikWAM"])
def test_the_voices_of_both_speech_providers_have_acceptable_names(voice: str) -> None:
    assert changed(NOTHING_ALLOWED, UpdateVoiceSettings(voice=voice)).voice == voice


@pytest.mark.parametrize("voice", ["", "a b", "x" * 65, "../x", "Polly\x00", "Polly\n"])
def test_what_cannot_name_a_voice_is_refused(voice: str) -> None:
    with pytest.raises(InvalidVoice):
        changed(NOTHING_ALLOWED, UpdateVoiceSettings(voice=voice))
