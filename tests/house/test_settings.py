"""Every setting is documented, and nothing sets one that does not exist."""

import re
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from contracts.envelope import Service
from libs.runtime import PlatformSettings
from libs.runtime.settings import Settings
from tests.house.repository import ROOT, text_of

# Read one by one for an operator's own servers (`libs.runtime.settings.service_password`).
PASSWORD = re.compile(r"^ADJUTANT_(NATS|DATABASE)_PASSWORD_[A-Z]+$")


@cache
def classes() -> tuple[type[Settings], ...]:
    """The platform's settings and those of every service."""
    points = sorted(entry_points(group="adjutant.services"), key=lambda point: point.name)
    return (PlatformSettings, *(point.load().settings for point in points))


@cache
def variables() -> frozenset[str]:
    """Every variable that some settings class reads."""
    return frozenset(settings.variable(field) for settings in classes() for field in settings.model_fields)


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        settings.variable(name)
        for settings in classes()
        for name, field in settings.model_fields.items()
        if not field.description
    ]

    assert silent == [], "write a docstring below the field"


def test_a_setting_carries_the_name_of_its_service() -> None:
    for point in entry_points(group="adjutant.services"):
        settings = point.load().settings
        prefix = settings.model_config["env_prefix"]
        assert prefix == f"ADJUTANT_{Service(point.name).upper()}_"


def test_the_example_names_every_setting_and_no_other() -> None:
    named = set(re.findall(r"^#? ?(ADJUTANT_[A-Z0-9_]+)=", text_of(Path(".env.example")), re.MULTILINE))

    assert {name for name in named if not PASSWORD.match(name)} == variables()


def test_deployments_set_nothing_that_nobody_reads() -> None:
    places = [*(ROOT / "deploy").rglob("*.yml"), *(ROOT / "deploy").rglob("*.yaml"), ROOT / "deploy" / "Dockerfile"]
    deployed = {
        name
        for path in places
        for name in re.findall(r"(?:^\s*|name: )(ADJUTANT_[A-Z0-9_]+)(?=:|=|,)", path.read_text(), re.MULTILINE)
    }

    assert deployed
    assert {name for name in deployed if not PASSWORD.match(name)} <= variables()
