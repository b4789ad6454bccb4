"""Who is calling."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from contracts.envelope import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Permission(StrEnum):
    """What an API key may be allowed; a session has all of them."""

    CHAT = "chat"
    """Start, follow and stop turns."""
    READ = "read"
    """Read conversations, notifications, connections, settings and the audit trail."""
    MANAGE = "manage"
    """Change settings, connect and disconnect providers, create and revoke keys, delete conversations."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: a browser session or a program with an API key; or a visitor, whom a booking link lets
    act in its owner's scope, in what that link is for and without any permission."""

    scope: Scope
    kind: Literal["session", "api_key", "visitor"]
    id: str
    """Session id, key id, or delegation id."""
    permissions: frozenset[Permission]
    networks: tuple[Network, ...] = ()
    """Where an API key may be used from; empty means everywhere."""

    @property
    def is_program(self) -> bool:
        """A key that may not manage: whoever has it cannot decide on actions, so it is not its user who asks."""
        return self.kind == "api_key" and Permission.MANAGE not in self.permissions

    @property
    def name(self) -> str:
        """How the audit trail names the caller: kind and id."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit trail and for limits."""

    address: Address | None
    user_agent: str
    request_id: str
    secure: bool
    """Whether the client speaks TLS, to us or to a trusted proxy."""

    @property
    def network(self) -> str:
        """What an address limit counts by: an IPv6 client owns its whole /64."""
        if isinstance(self.address, IPv6Address):
            return str(IPv6Network((self.address, 64), strict=False))
        return str(self.address)
