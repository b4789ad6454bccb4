"""Telephone and SMS. This release keeps each user's settings; calls come with the voice issue."""

from typing import ClassVar, Self

from contracts.envelope import Event, Query, Reply, Service


class VoiceSettings(Reply):
    """How the assistant may use the telephone for a user; nothing is allowed until the user says so."""

    answer_calls: bool
    send_sms: bool
    voice: str


class GetVoiceSettings(Query[VoiceSettings]):
    """The user's telephone settings."""

    subject: ClassVar[str] = "rpc.voice.get_voice_settings.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = VoiceSettings

    @classmethod
    def example(cls) -> Self:
        return cls()


class UpdateVoiceSettings(Query[VoiceSettings]):
    """Change what is given; absent fields stay."""

    subject: ClassVar[str] = "rpc.voice.update_voice_settings.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = VoiceSettings

    answer_calls: bool | None = None
    send_sms: bool | None = None
    voice: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(answer_calls=True)


class VoiceSettingsUpdated(Event):
    """The user changed what the assistant may do by telephone."""

    subject: ClassVar[str] = "evt.voice.settings.updated.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    answer_calls: bool
    send_sms: bool

    @classmethod
    def example(cls) -> Self:
        return cls(answer_calls=True, send_sms=False)
