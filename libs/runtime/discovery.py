"""Services are found by the entry-point group `adjutant.services`; nothing here imports one before it is asked for."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from libs.runtime.errors import UnknownService
from libs.runtime.service import AnyService, Service

GROUP = "adjutant.services"


@cache
def _entries() -> dict[str, EntryPoint]:
    """Read once, in the supervisor: it looks at the metadata of every installed package (0.1 s, 10 MB)."""
    return {point.name: point for point in entry_points(group=GROUP)}


def service_names() -> tuple[str, ...]:
    """Every installed service, the gateway last: it opens the door when the others are there."""
    return tuple(sorted(_entries(), key=lambda name: (name == "gateway", name)))


def package_of(name: str) -> str:
    """The package that holds a service's tables and migrations, such as `services.chat`. Raises UnknownService."""
    return _entry(name).module.rpartition(".")[0]


def load_service(name: str) -> AnyService:
    """Import it. Raises UnknownService."""
    service = _entry(name).load()
    if not isinstance(service, Service):
        raise UnknownService(f"The entry point {name} is not a Service.")
    return service


def _entry(name: str) -> EntryPoint:
    found = _entries().get(name)
    if found is None:
        raise UnknownService(f"There is no service called {name}; there are {', '.join(service_names())}.")
    return found
