"""A service from its first wait to its orderly end, on the session's real servers."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from contracts.voice import GetVoiceSettings, VoiceSettings
from libs.bus import Bus, Call, TopologyDrift, answer
from libs.db import Database
from libs.runtime import PlatformSettings, Resources, Service, ServiceSettings
from libs.runtime.errors import BusLost, SettingMissing
from libs.runtime.run import RunningService, Sockets, start_service
from tests.conftest import Platform, new_scope

SETTINGS = VoiceSettings(answer_calls=True, send_sms=False, voice="Polly.Joanna")


@dataclass(frozen=True, slots=True)
class Deps:
    """Of the service under test."""

    db: Database
    bus: Bus
    story: list[str]
    begun: asyncio.Barrier
    stopping: asyncio.Event


class VoiceLikeSettings(ServiceSettings):
    """None of its own."""


async def get_voice_settings(query: GetVoiceSettings, call: Call, deps: Deps) -> VoiceSettings:
    """Slow enough to be under way when the process is asked to end."""
    await deps.begun.wait()
    await asyncio.sleep(0.3)
    deps.story.append("answered")
    return SETTINGS


def web(deps: Deps) -> ASGIApp:
    """One slow page."""

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            await deps.begun.wait()
            await deps.stopping.wait()
            await PlainTextResponse("stopping")(scope, receive, send)
            deps.story.append("page ended")

    return app


def service(
    story: list[str], begun: asyncio.Barrier | None = None, **options: object
) -> Service[VoiceLikeSettings, Deps]:
    @asynccontextmanager
    async def open_service(resources: Resources[VoiceLikeSettings]) -> AsyncIterator[Deps]:
        story.append("opened")
        yield Deps(resources.db, resources.bus, story, begun or asyncio.Barrier(1), resources.stopping)
        story.append("closed")

    routes = (answer(GetVoiceSettings, get_voice_settings),)
    return Service("voice", VoiceLikeSettings, routes, open_service, **options)  # type: ignore[arg-type]


@pytest.fixture
def settings(platform: Platform) -> PlatformSettings:
    """What the voice service would be configured with."""
    return PlatformSettings.explicit(
        nats_url=platform.nats.url_for("voice"),
        database_url=platform.database.url("voice"),
        master_keys=SecretStr(platform.master_keys),
        port=0,
        grace_s=5,
    )


async def ready(running: RunningService) -> tuple[int, dict[str, object]]:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{running.health_url}/readyz")
    return response.status_code, response.json()


async def test_a_started_service_is_ready_alive_and_measured(settings: PlatformSettings) -> None:
    async with start_service(service([]), settings) as running, httpx.AsyncClient() as http:
        assert await ready(running) == (200, {"service": "voice", "status": "ready", "missing": {}})
        assert (await http.get(f"{running.health_url}/livez")).status_code == 200
        assert 'adjutant_ready{service="voice"} 1.0' in (await http.get(f"{running.health_url}/metrics")).text
        assert (await http.get(f"{running.health_url}/secrets")).status_code == 404


async def test_what_is_under_way_is_finished_before_anything_is_closed(
    settings: PlatformSettings, platform: Platform
) -> None:
    story: list[str] = []
    begun = asyncio.Barrier(3)
    gateway = Bus("gateway", platform.nats.url_for("gateway"))
    await gateway.connect()
    async with start_service(service(story, begun, web=web), settings) as running, httpx.AsyncClient() as http:
        page = asyncio.create_task(http.get(running.web_url))
        reply = asyncio.create_task(gateway.ask(GetVoiceSettings(), scope=new_scope(), timeout_s=5))
        await begun.wait()
        running.request_stop()
        await running.ended()
        assert (await page).text == "stopping"
        assert await reply == SETTINGS
    await gateway.close()

    assert story == ["opened", "page ended", "answered", "closed"]


async def test_a_service_waits_for_its_neighbours_and_says_for_which(settings: PlatformSettings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://svc_voice@127.0.0.1:1/none"})
    running = RunningService(service([]), away, VoiceLikeSettings.explicit(), Sockets.bound(service([]), away))
    running.start()
    async with asyncio.timeout(10):
        while True:
            await asyncio.sleep(0.05)
            status, told = await ready(running)
            missing = told["missing"]
            assert isinstance(missing, dict)
            assert status == 503
            if "nats" not in missing:
                break
    assert "database" in missing

    running.request_stop()
    await running.ended()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_bus_that_closes_for_good_ends_the_service(settings: PlatformSettings) -> None:
    async def lose_the_bus() -> None:
        sockets = Sockets.bound(service([]), settings)
        running = RunningService(service([]), settings, VoiceLikeSettings.explicit(), sockets)
        running.start()
        await running.started()
        await running.bus._connection.client.close()
        with pytest.raises(BusLost):
            await running.ended()

    asyncio.run(lose_the_bus())

    # FastStream cannot stop a subscriber of a closed connection and leaves its queue open. A process ends here, so
    # this test has a loop of its own, whose rest is swept before the next test.
    gc.collect()


async def test_nothing_starts_on_a_bus_that_nobody_provisioned(settings: PlatformSettings, platform: Platform) -> None:
    from services.voice.app import service as voice

    admin = await platform.nats.admin()
    for stream in await admin.jetstream.streams_info():
        for consumer in await admin.jetstream.consumers_info(str(stream.config.name)):
            if consumer.name.startswith("voice_"):
                await admin.jetstream.delete_consumer(str(stream.config.name), consumer.name)
    await admin.close()

    with pytest.raises(TopologyDrift, match="voice_"):
        async with start_service(voice, settings):
            pass


async def test_a_missing_setting_is_named(settings: PlatformSettings) -> None:
    with pytest.raises(SettingMissing, match="ADJUTANT_MASTER_KEYS"):
        async with start_service(service([]), settings.model_copy(update={"master_keys": None})):
            pass
