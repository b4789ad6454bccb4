"""Settings come from the environment, explain themselves, and never show a secret."""

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from libs.runtime import PlatformSettings, ServiceSettings
from libs.runtime.settings import service_password


class MailSettings(ServiceSettings):
    """`ADJUTANT_MAIL_…`."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_MAIL_")

    page_size: int = 50
    """Mails on a page."""


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_MAIL_PAGE_SIZE", "7")
    monkeypatch.setenv("ADJUTANT_LOG_LEVEL", "WARNING")

    assert MailSettings().page_size == 7
    assert PlatformSettings().log_level == "warning"
    assert MailSettings.variable("page_size") == "ADJUTANT_MAIL_PAGE_SIZE"


def test_explicit_settings_do_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_MAIL_PAGE_SIZE", "7")

    assert MailSettings.explicit().page_size == 50
    assert MailSettings.explicit(page_size=9).page_size == 9


@pytest.mark.parametrize("name", ["NATS_URL", "DATABASE_URL", "OTLP_ENDPOINT", "MASTER_KEYS"])
def test_an_empty_variable_is_an_unset_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ADJUTANT_{name}", "")

    assert getattr(PlatformSettings(), name.lower()) is None


def test_a_wrong_value_is_refused_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_PORT", "hunter2")

    with pytest.raises(ValidationError) as refused:
        PlatformSettings()

    assert "port" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    platform = PlatformSettings.explicit(
        master_keys=SecretStr("k1:hunter2"),
        nats_url="nats://chat:hunter2@nats",
        database_url="postgresql://c:hunter2@db",
    )

    assert "hunter2" not in repr(platform)


def test_passwords_of_services_come_from_their_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_NATS_PASSWORD_CHAT", "p1")

    assert service_password("NATS", "chat") == "p1"
    assert service_password("DATABASE", "chat") is None
