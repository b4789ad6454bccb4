"""A service starts where only its own extra is installed: what it imports, it declares."""

import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution, packages_distributions

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contracts.envelope import Service
from tests.house.repository import PACKAGES, ROOT


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom, foreign packages included; imports inside functions count too."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


@cache
def project() -> dict[str, object]:
    """The `project` table of pyproject.toml."""
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def installed_with(extra: str) -> set[str]:
    """Every distribution that `pip install adjutant[extra]` brings, by walking the metadata."""
    dependencies, extras = project()["dependencies"], project()["optional-dependencies"]
    assert isinstance(dependencies, list)
    assert isinstance(extras, dict)
    waiting = [Requirement(text) for text in (*dependencies, *extras[extra])]
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found.add(key[0])
        waiting.extend(_requirements_of(*key))
    return found


def _requirements_of(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        chosen = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(environment) for environment in chosen):
            yield requirement


def foreign_imports(service: str) -> set[str]:
    """Top-level names of other people's packages that the service reaches."""
    reached = graph().find_upstream_modules(f"services.{service}", as_package=True)
    tops = {module.split(".")[0] for module in reached}
    return {top for top in tops if top not in sys.stdlib_module_names and top not in PACKAGES}


@pytest.mark.parametrize("name", tuple(Service))
def test_a_service_declares_what_it_imports(name: str) -> None:
    providers = packages_distributions()
    installed = installed_with(name)

    undeclared = {
        top
        for top in foreign_imports(name)
        if not {canonicalize_name(provider) for provider in providers.get(top, [top])} & installed
    }
    assert undeclared == set(), f"add them to the extra {name} in pyproject.toml, or import them elsewhere"


def test_every_service_has_an_extra_and_an_entry_point() -> None:
    extras, points = project()["optional-dependencies"], project()["entry-points"]
    assert isinstance(extras, dict)
    assert isinstance(points, dict)

    assert set(Service) <= set(extras)
    assert points["adjutant.services"] == {name: f"services.{name}.app:service" for name in Service}
    assert set(re.findall(r"[a-z]+", extras["all"][0].split("[")[1])) >= set(Service)
