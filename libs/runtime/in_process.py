"""`adjutant up --in-process`: everything but the two servers on one event loop, for debuggers."""

import asyncio
import os
from collections.abc import Callable, Sequence

from libs.resilience.errors import Unavailable
from libs.runtime.child_process import run_loop
from libs.runtime.data_directory import RunningProcess
from libs.runtime.discovery import load_service
from libs.runtime.http_server import bind
from libs.runtime.migrate import migrate
from libs.runtime.neighbours import Neighbours
from libs.runtime.process import configure_telemetry, running_services
from libs.runtime.run import RunningService, Sockets
from libs.runtime.settings import PlatformSettings
from libs.runtime.watchdog import watch_loop
from libs.telemetry import get_logger, shut_down

log = get_logger("libs.runtime")

REVIVE_EVERY_S = 0.2


def run_in_process(platform: PlatformSettings, services: Sequence[str], on_ready: Callable[[str], None]) -> int:
    """Until SIGTERM or SIGINT; the exit code."""
    configure_telemetry("adjutant", platform, several_services=True)
    try:
        run_loop(lambda stop: _run(platform, services, on_ready, stop))
    finally:
        shut_down()
    return 0


async def _run(
    platform: PlatformSettings, services: Sequence[str], on_ready: Callable[[str], None], stop: asyncio.Event
) -> None:
    neighbours = Neighbours.of(platform, services)
    try:
        await neighbours.start()
        passwords = {name: neighbours.database_password(name) for name in services}
        await migrate(
            neighbours.database_admin_url,
            neighbours.nats_admin_url,
            services,
            passwords,
            replicas=platform.nats_replicas,
        )
        await _serve(neighbours, platform, services, on_ready, stop)
    finally:
        await neighbours.stop()


async def _serve(
    neighbours: Neighbours,
    platform: PlatformSettings,
    services: Sequence[str],
    on_ready: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    places = []
    for name in services:
        service = load_service(name)
        web = bind(platform.host, platform.port) if service.web else None
        own = neighbours.platform_for(name)
        if not own.public_url:
            own = own.model_copy(update={"public_url": f"http://127.0.0.1:{platform.port}"})
        places.append((service, own, Sockets(bind(platform.health_host, 0), web)))
    tasks = [asyncio.create_task(watch_loop()), asyncio.create_task(_revive(neighbours))]
    try:
        async with running_services(places) as running:
            neighbours.record(
                [_line(each) for each in running], [each.web_url for each in running if each.web_url]
            ).write(platform.data_dir)
            on_ready(next((each.web_url for each in running if each.web_url), ""))
            ends = [asyncio.create_task(each.ended()) for each in running]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((stopping, *ends), return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, *ends):
                task.cancel()
    finally:
        for task in tasks:
            task.cancel()


async def _revive(neighbours: Neighbours) -> None:
    while True:
        await asyncio.sleep(REVIVE_EVERY_S)
        try:
            await neighbours.revive()
        except Unavailable as error:
            log.error("embedded_server_does_not_start", why=error.detail)


def _line(running: RunningService) -> RunningProcess:
    port = running.sockets.health.getsockname()[1]
    return RunningProcess(running.service.name, 0, os.getpid(), port, running.web_url or None)
