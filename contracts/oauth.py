"""Connections to providers and the tokens behind them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Self

from contracts.envelope import Event, Query, Reply, Service
from contracts.ids import ConnectionId

_CONNECTION = ConnectionId("cn_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class ConnectionStatus(StrEnum):
    """Whether a connection can be used, and if not, who has to act."""

    ACTIVE = "active"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"


class ConnectionView(Reply):
    """One connection as its owner may see it: never a token."""

    connection_id: ConnectionId
    provider: str
    account: str
    """The address or name the provider gave for the connected account."""
    status: ConnectionStatus
    scopes: tuple[str, ...]
    connected_at: datetime
    access_token_expires_at: datetime | None = None


class AuthorizationStarted(Reply):
    """Where to send the browser. The state inside is single-use and expires after ten minutes."""

    auth_url: str


class Connections(Reply):
    """All connections of one user."""

    connections: tuple[ConnectionView, ...]


class Disconnected(Reply):
    """What disconnecting achieved; `revoked_at_provider` is false when the provider could not be reached."""

    provider: str
    revoked_at_provider: bool


class AccessToken(Reply):
    """A token valid for at least five more minutes, sealed for the transport (`libs.vault.TransitSeal`)."""

    sealed_token: str
    expires_at: datetime


class StartConnection(Query[AuthorizationStarted]):
    """Begin the authorization-code flow; `browser_binding` is a hash that ties the state to one session."""

    subject: ClassVar[str] = "rpc.oauth.start_connection.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = AuthorizationStarted

    provider: str
    browser_binding: str
    return_to: str = "/"

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", browser_binding="9f86d081884c7d65")


class FinishConnection(Query[ConnectionView]):
    """The provider sent the browser back: redeem the code, once."""

    subject: ClassVar[str] = "rpc.oauth.finish_connection.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConnectionView

    provider: str
    state: str
    browser_binding: str
    code: str | None = None
    issuer: str | None = None
    """The `iss` parameter of RFC 9207, where the provider sends it."""
    error: str | None = None
    """The provider's `error` parameter, when the user declined."""

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail", state="s3cr3t", browser_binding="9f86d081884c7d65", code="4/0A")


class ListConnections(Query[Connections]):
    """Which providers this user connected."""

    subject: ClassVar[str] = "rpc.oauth.list_connections.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL, Service.CONTEXT)
    reply: ClassVar[type[Reply]] = Connections

    @classmethod
    def example(cls) -> Self:
        return cls()


class Disconnect(Query[Disconnected]):
    """Forget a connection: revoke it at the provider, destroy its tokens."""

    subject: ClassVar[str] = "rpc.oauth.disconnect.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Disconnected

    provider: str

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail")


class GetAccessToken(Query[AccessToken]):
    """A usable token, for the services that call providers only; refreshed when under five minutes remain.

    `rejected_token_expires_at` names the token a provider just refused, so that it is refreshed
    although it looks valid.
    """

    subject: ClassVar[str] = "rpc.oauth.get_access_token.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.TOOL, Service.SYNC)
    reply: ClassVar[type[Reply]] = AccessToken

    provider: str
    rejected_token_expires_at: datetime | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(provider="gmail")


class ConnectionEstablished(Event):
    """A user connected (or reconnected) a provider."""

    subject: ClassVar[str] = "evt.oauth.connection.established.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.SYNC, Service.CONTEXT, Service.NOTIFICATION, Service.TOOL)

    connection_id: ConnectionId
    provider: str
    scopes: tuple[str, ...]
    account_refs: tuple[str, ...] = ()
    """The provider's account, workspace or tenant, as `libs.providers.account_ref` writes them: by these its
    notifications find their user."""

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_CONNECTION, provider="gmail", scopes=("gmail.readonly",))


class ConnectionRemoved(Event):
    """A user disconnected a provider: delete what was synced from it."""

    subject: ClassVar[str] = "evt.oauth.connection.removed.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.SYNC, Service.CONTEXT, Service.TOOL)

    connection_id: ConnectionId
    provider: str

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_CONNECTION, provider="gmail")


class ReauthorizationRequired(Event):
    """The provider refused the refresh token for good; only the user can mend it."""

    subject: ClassVar[str] = "evt.oauth.connection.reauthorization_required.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION, Service.SYNC, Service.TOOL)

    connection_id: ConnectionId
    provider: str
    refused_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(connection_id=_CONNECTION, provider="gmail", refused_at=_MOMENT)
