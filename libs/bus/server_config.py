"""The configuration file of nats-server, as text: one account per installation, one user per service.

Passwords are not in it: `$NAME` is read by the server from its environment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.envelope import Service
from libs.bus.permissions import permissions_of

ADMIN = "admin"
"""May do everything inside the account: provisions streams, replays dead letters."""


def environment_variable(user: str) -> str:
    """`ADJUTANT_NATS_PASSWORD_CHAT`: where the server finds this user's password."""
    return f"ADJUTANT_NATS_PASSWORD_{user.upper()}"


def password_from_environment(user: str) -> str:
    """The reference the server resolves itself."""
    return f"${environment_variable(user)}"


@dataclass(frozen=True, slots=True)
class Account:
    """One Adjutant on a server. User names are unique in a server, so a second one needs a `user_prefix`."""

    name: str = "ADJUTANT"
    user_prefix: str = ""
    password: Callable[[str], str] = password_from_environment

    def users(self) -> tuple[str, ...]:
        """The user names, in the order of the services, the administrator last."""
        return tuple(f"{self.user_prefix}{name}" for name in (*Service, ADMIN))

    def as_config(self) -> str:
        """Its block inside `accounts`."""
        users = "\n".join(self._user(service) for service in Service)
        admin = f"{{ user: {self.user_prefix}{ADMIN}, password: {self.password(ADMIN)} }}"
        return f"{self.name}: {{\n  jetstream: enabled\n  users: [\n{users}\n    {admin}\n  ]\n}}"

    def _user(self, service: Service) -> str:
        allowed = permissions_of(service).as_config(indent="        ")
        return (
            f"    {{ user: {self.user_prefix}{service}, password: {self.password(service)},\n"
            f"      permissions: {{\n{allowed}\n      }}\n    }}"
        )


def render(
    *,
    listen: str,
    store_dir: Path | str,
    accounts: Sequence[Account] = (Account(),),
    sync_always: bool = True,
    name: str = "adjutant",
) -> str:
    """The whole file. `listen` is `host:port`.

    `sync_always` makes the server flush to disk before it acknowledges (0.5 ms instead of 0.25 ms a publish),
    so that an acknowledged message survives a power cut; the default of the server is every two minutes.
    """
    sync = "\n  sync_interval: always" if sync_always else ""
    blocks = "\n".join(account.as_config() for account in accounts)
    return (
        f"server_name: {name}\n"
        f'listen: "{listen}"\n'
        "max_payload: 1MB\n"
        'write_deadline: "5s"\n'
        'ping_interval: "20s"\n'
        "jetstream {\n"
        f'  store_dir: "{store_dir}"\n'
        "  max_memory_store: 4GB\n"
        f"  max_file_store: 64GB{sync}\n"
        "}\n"
        f"accounts: {{\n{blocks}\n}}\n"
    )
