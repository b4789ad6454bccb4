"""`adjutant migrate`: schemas, roles and migrations in PostgreSQL, streams and consumers in NATS. Safe to repeat."""

from collections.abc import Mapping, Sequence

from libs.bus import Bus
from libs.bus.provision import provision
from libs.db.migrate import migrate_all
from libs.db.migrations import MigratedService
from libs.runtime.discovery import package_of
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
