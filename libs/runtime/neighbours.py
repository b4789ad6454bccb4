"""NATS and PostgreSQL of one installation: embedded where no address is set, and who logs in how."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from contracts.envelope import Service
from libs.db.admin import address
from libs.runtime.data_directory import RunningProcess, RunRecord
from libs.runtime.embedded import EmbeddedNats, EmbeddedPostgres, EmbeddedSecrets
from libs.runtime.settings import PlatformSettings, service_password
from libs.telemetry import get_logger

log = get_logger("libs.runtime")

ADMIN = "admin"


@dataclass(slots=True)
class Neighbours:
    """Both servers, as the supervisor sees them."""

    platform: PlatformSettings
    secrets: EmbeddedSecrets
    nats_port: int
    """0: any free one."""
    postgres: EmbeddedPostgres | None = field(init=False)
    nats: EmbeddedNats | None = field(init=False)

    @classmethod
    def of(cls, platform: PlatformSettings, services: Sequence[str]) -> "Neighbours":
        """Read or make the passwords of this data directory; starts nothing. An embedded NATS keeps its port."""
        record = RunRecord.read(platform.data_dir)
        port = urlsplit(record.nats_url).port if record and record.nats_url else 0
        # The bus knows every service of the contracts, whether it runs here or not.
        names = sorted({*Service, *services})
        return cls(platform, EmbeddedSecrets.load_or_create(platform.data_dir, names), port or 0)

    def __post_init__(self) -> None:
        data_dir = self.platform.data_dir
        self.postgres = (
            EmbeddedPostgres(data_dir, self.secrets.postgres_owner) if self.platform.database_url is None else None
        )
        self.nats = (
            EmbeddedNats(data_dir, self.secrets.nats_users, port=self.nats_port)
            if self.platform.nats_url is None
            else None
        )

    async def start(self) -> None:
        """Start what is embedded. Raises ServerDidNotStart."""
        if self.postgres:
            await self.postgres.start()
        if self.nats:
            await self.nats.start()

    async def revive(self) -> None:
        """Start again what died."""
        if self.postgres and await self.postgres.ensure_running():
            log.warning("embedded_postgres_restarted", pid=self.postgres.pid)
        if self.nats and await self.nats.ensure_running():
            log.warning("embedded_nats_restarted", pid=self.nats.pid)

    @property
    def all_run(self) -> bool:
        """Whether every embedded server's process exists."""
        return (not self.postgres or self.postgres.pid is not None) and (not self.nats or self.nats.pid is not None)

    async def stop(self) -> None:
        """NATS first: the outbox in PostgreSQL keeps what could not be sent."""
        if self.nats:
            await self.nats.stop()
        if self.postgres:
            await self.postgres.stop()

    def record(self, processes: Sequence[RunningProcess], gateway_urls: Sequence[str]) -> RunRecord:
        """What runs now, for `run.json`."""
        return RunRecord(
            supervisor_pid=os.getpid(),
            gateway_url=gateway_urls[0] if gateway_urls else "",
            gateway_urls=tuple(gateway_urls),
            processes=tuple(processes),
            postgres_pid=self.postgres.pid if self.postgres else None,
            nats_pid=self.nats.pid if self.nats else None,
            nats_url=self.nats.url if self.nats else None,
        )

    @property
    def database_admin_url(self) -> str:
        """The owner's address, for migrations."""
        return self.postgres.admin_url if self.postgres else str(self.platform.database_url)

    @property
    def nats_admin_url(self) -> str:
        """The address of the user that may provision."""
        return self.nats.url_for(ADMIN) if self.nats else str(self.platform.nats_url)

    def database_password(self, service: str) -> str:
        """Of `svc_<service>`: the operator's, else a generated one, which `migrate` gives the role."""
        return service_password("DATABASE", service) or self.secrets.postgres_roles[service]

    def platform_for(self, service: str) -> PlatformSettings:
        """The platform as one service sees it: with its own log-ins."""
        return self.platform.model_copy(
            update={
                "database_url": self._database_url(service),
                "nats_url": self._nats_url(service),
                "master_keys": self.platform.master_keys or SecretStr(self.secrets.master_keys),
            }
        )

    def _database_url(self, service: str) -> str:
        admin_url = self.database_admin_url
        database = urlsplit(admin_url).path.removeprefix("/")
        return address(admin_url, database=database, role=f"svc_{service}", password=self.database_password(service))

    def _nats_url(self, service: str) -> str:
        if self.nats:
            return self.nats.url_for(service)
        url = str(self.platform.nats_url)
        password = service_password("NATS", service)
        if password is None:
            return url  # one user for all: the operator's server, the operator's rules
        parts = urlsplit(url)
        return urlunsplit(
            parts._replace(netloc=f"{service}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}")
        )
