"""The only place that reads the environment: `ADJUTANT_…`, and a `.env` file in the working directory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]

_NO_ENVIRONMENT = "\0"
"""A prefix that no variable can have: names in the environment hold no NUL."""


class Settings(BaseSettings):
    """Frozen values from the environment; the docstring below a field explains it in `.env.example`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def explicit(cls, **values: Any) -> Self:
        """These values and the defaults; the environment is not looked at. For tests."""
        return cls(_env_prefix=_NO_ENVIRONMENT, _env_file=None, **values)

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field: `ADJUTANT_CHAT_MODEL`."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


class ServiceSettings(Settings):
    """Base of each service's settings; a subclass sets `env_prefix="ADJUTANT_<SERVICE>_"`."""


class PlatformSettings(Settings):
    """What every process has: where its neighbours are, where its data lies, what it tells."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_")

    nats_url: str | None = Field(None, repr=False)
    """NATS, such as nats://chat:password@nats:4222. Unset: an embedded server."""
    nats_replicas: int = Field(1, ge=1, le=5)
    """Copies of every stream that `adjutant migrate` asks of a NATS cluster."""
    database_url: str | None = Field(None, repr=False)
    """PostgreSQL: for `up` and `migrate` the owner's address, for `service` its role's. Unset: an embedded server."""
    database_connections: int = Field(10, ge=2)
    """Most connections of one process."""
    master_keys: SecretStr | None = None
    """k1:<32 bytes in base64>[,k0:<…>]; the first encrypts, all decrypt. Unset with embedded servers: generated."""
    data_dir: Path = Path(".data")
    """Embedded servers, traces, generated secrets: everything that must be kept."""
    host: str = "127.0.0.1"
    """Address the gateway listens on."""
    port: int = Field(8080, ge=0, le=65535)
    """Port of the first gateway; further replicas take the next free ones. 0 takes any free port."""
    public_url: str = ""
    """Where browsers reach the gateway; unset: http://127.0.0.1:<port>."""
    health_host: str = "127.0.0.1"
    """Address of /livez, /readyz and /metrics."""
    health_port: int = Field(0, ge=0, le=65535)
    """Port of /livez, /readyz and /metrics of `adjutant service`; 0 takes any free port."""
    grace_s: float = Field(25.0, gt=0)
    """Seconds that running work gets to finish after SIGTERM."""
    log_level: LogLevel = "info"
    """debug, info, warning or error."""
    otlp_endpoint: str | None = None
    """OpenTelemetry collector (OTLP over HTTP), such as http://otel-collector:4318. Unset: trace files alone."""
    trace_file_mb: int = Field(20, ge=0)
    """Room for the trace files of one process; 0 writes none."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("otlp_endpoint", "nats_url", "database_url", "master_keys", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value


def overlay(values: Mapping[str, str]) -> None:
    """Set variables for this process and its children: how the sandbox's addresses reach every service."""
    os.environ.update(values)


def service_password(kind: Literal["NATS", "DATABASE"], name: str) -> str | None:
    """`ADJUTANT_NATS_PASSWORD_CHAT` and its siblings, for an operator's own servers."""
    return os.environ.get(f"ADJUTANT_{kind}_PASSWORD_{name.upper()}") or None
