"""`adjutant env-example`: every variable with its default and its meaning, written from the settings classes."""

from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from libs.runtime.discovery import load_service, service_names
from libs.runtime.settings import PlatformSettings, Settings

HEADING = """\
# Every setting of Adjutant, with its default. Copy to .env, or set it in the environment, which comes first.
# Written by `adjutant env-example`.
"""


def env_example() -> str:
    """The whole file."""
    parts = [HEADING, *_section("Platform", PlatformSettings)]
    for name in service_names():
        lines = list(_section(name, load_service(name).settings))
        parts += lines if len(lines) > 1 else []
    return "\n".join(parts) + "\n"


def _section(title: str, settings: type[Settings]) -> Iterator[str]:
    yield f"\n# ---- {title}"
    for name, field in settings.model_fields.items():
        for line in (field.description or "").strip().splitlines():
            yield f"# {line.strip()}".rstrip()
        yield f"#{settings.variable(name)}={_shown(field.get_default(call_default_factory=True))}"


def _shown(default: Any) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, set | frozenset):
        default = sorted(default)  # a set has another order in every process
    if isinstance(default, tuple | list):
        return "[" + ",".join(f'"{item}"' for item in default) + "]"
    return str(default)
