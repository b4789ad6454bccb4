"""`adjutant migrate`: schemas, roles and migrations in PostgreSQL, streams and consumers in NATS. Safe to repeat."""

from collections.abc import Mapping, Sequence

from libs.bus import Bus
from libs.bus.provision import provision
from libs.db.migrate import migrate_all
from libs.db.migrations import MigratedService
from libs.runtime.discovery import package_of, service_names
from libs.runtime.errors import SettingMissing
from libs.runtime.settings import PlatformSettings, service_password
from libs.telemetry import get_logger

log = get_logger("libs.runtime")

USER = "gateway"
"""Names the connection; what it may do is decided by the log-in in the address."""


async def migrate(
    database_url: str, nats_url: str, services: Sequence[str], passwords: Mapping[str, str], *, replicas: int = 1
) -> None:
    """Both servers, as the owner and the administrator. Raises DatabaseUnavailable, BusUnavailable."""
    await migrate_all(database_url, [MigratedService(name, package_of(name)) for name in services], passwords)
    log.info("database_migrated", services=len(services))
    bus = Bus(USER, nats_url)
    await bus.connect()
    try:
        done = await provision(bus.jetstream, replicas=replicas)
    finally:
        await bus.close()
    log.info("bus_provisioned", streams_and_consumers=len(done))


async def migrate_configured(platform: PlatformSettings) -> None:
    """Servers that are configured by address. Raises SettingMissing: embedded ones are migrated by `adjutant up`."""
    if platform.database_url is None or platform.nats_url is None:
        raise SettingMissing("`adjutant migrate` needs ADJUTANT_DATABASE_URL and ADJUTANT_NATS_URL.")
    services = service_names()
    given = {name: service_password("DATABASE", name) for name in services}
    passwords = {name: password for name, password in given.items() if password is not None}
    await migrate(platform.database_url, platform.nats_url, services, passwords, replicas=platform.nats_replicas)
