"""One process, one service (or, in process, all of them): telemetry on, ready, until asked to end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from libs.runtime.child_process import exit_code, run_loop
from libs.runtime.discovery import load_service
from libs.runtime.run import RunningService, Sockets
from libs.runtime.service import AnyService
from libs.runtime.settings import PlatformSettings
from libs.runtime.watchdog import watch_loop
from libs.telemetry import configure, shut_down
from libs.telemetry.logs import configure_logs


def configure_telemetry(name: str, platform: PlatformSettings, *, several_services: bool = False) -> None:
    """Logs, traces, metrics of this process."""
    configure(
        name,
        data_dir=platform.data_dir,
        otlp_endpoint=platform.otlp_endpoint,
        log_level=platform.log_level,
        trace_file_bytes=platform.trace_file_mb * 1_000_000,
        several_services=several_services,
    )


def run_service(name: str, platform: PlatformSettings, sockets: Sockets | None, ready: Callable[[], None]) -> int:
    """Run it until SIGTERM; the process's exit code. `ready` is called once. Raises what ended it."""
    configure_telemetry(name, platform)
    try:
        service = load_service(name)
        run_loop(lambda stop: _serve(service, platform, sockets, stop, ready))
    finally:
        shut_down()
    return 0


def run_alone(name: str, platform: PlatformSettings) -> int:
    """`adjutant service NAME`: as in a container; errors become log lines and exit codes."""
    configure_logs(name, platform.log_level)
    try:
        return run_service(name, platform, None, lambda: None)
    except Exception as error:
        return exit_code(error)


async def _serve(
    service: AnyService,
    platform: PlatformSettings,
    sockets: Sockets | None,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    watchdog = asyncio.create_task(watch_loop())
    running = RunningService(service, platform, service.settings(), sockets or Sockets.bound(service, platform))
    running.start()
    starting = asyncio.create_task(running.started())
    stopping = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(running.ended())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            ready()
            await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        running.request_stop()
        await ended
    finally:
        for task in (watchdog, starting, stopping, ended):
            task.cancel()


@asynccontextmanager
async def running_services(
    services: Sequence[tuple[AnyService, PlatformSettings, Sockets]], settings: Any = None
) -> AsyncIterator[list[RunningService]]:
    """Several services in this event loop, all ready, until the block ends; the last one is asked to end first.

    `settings` gives each service its own; by default they come from the environment.
    """
    choose = settings or (lambda service: service.settings())
    running = [RunningService(service, platform, choose(service), sockets) for service, platform, sockets in services]
    for each in running:
        each.start()
    try:
        await asyncio.gather(*(each.started() for each in running))
        yield running
    finally:
        # The gateway is last in the list: nothing new comes in while the others finish.
        for each in reversed(running):
            each.request_stop()
        await asyncio.gather(*(each.ended() for each in running))
