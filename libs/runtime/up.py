"""`adjutant up`: hold the data directory, put the sandbox in place when asked for, and run everything."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from libs.runtime.data_directory import held
from libs.runtime.discovery import service_names
from libs.runtime.errors import UnknownService
from libs.runtime.sandbox import sandbox_settings
from libs.runtime.settings import PlatformSettings, overlay
from libs.telemetry.logs import configure_logs


def run_up(
    data_dir: Path | None,
    replicas: Mapping[str, int],
    *,
    in_process: bool,
    sandbox: bool,
    with_model: bool = True,
    on_ready: Callable[[str], None],
) -> int:
    """Until it is asked to end; the exit code. Raises DataDirectoryTaken, PortTaken, ServerDidNotStart, StartFailed."""
    platform = PlatformSettings() if data_dir is None else PlatformSettings(data_dir=data_dir)
    # Threads do not survive a fork, so the parent has logs but no exporters.
    configure_logs("supervisor", platform.log_level)
    services = service_names()
    if unknown := set(replicas) - set(services):
        raise UnknownService(f"There is no service called {', '.join(sorted(unknown))}.")
    with held(platform.data_dir), _providers(platform.data_dir, emulated=sandbox, with_model=with_model):
        if in_process:
            from libs.runtime.in_process import run_in_process

            return run_in_process(platform, services, on_ready)
        from libs.runtime.supervisor import Supervisor

        return Supervisor(platform, services, replicas).run(on_ready)


@contextmanager
def _providers(data_dir: Path, *, emulated: bool, with_model: bool) -> Iterator[None]:
    if not emulated:
        yield
        return
    with sandbox_settings(data_dir, with_model=with_model) as settings:
        overlay(settings)
        yield
