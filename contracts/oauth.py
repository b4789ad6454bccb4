"""Connections to providers and the tokens behind them."""

from datetime import UTC, date, datetime
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
    capabilities: tuple[str, ...] = ()
    """What the granted scopes allow: `read`, and whatever else the user ticked."""


class AuthorizationStarted(Reply):
    """Where to send the browser. The state inside is single-use and expires after ten minutes."""

    auth_url: str


class Connections(Reply):
    """All connections of one user."""

    connections: tuple[ConnectionView, ...]
    available: tuple[str, ...] = ()
    """The providers that the operator has registered us with."""


class Disconnected(Reply):
    """What disconnecting achieved; `revoked_at_provider` is false when the provider could not be reached."""

    provider: str
    revoked_at_provider: bool
    grant_kept_for: tuple[str, ...] = ()
    """Other providers of the same account that still need the grant; it is revoked with the last of them."""


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
    capabilities: tuple[str, ...] = ()
    """What to ask for beside reading and what is granted already."""

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


class KeyOwner(StrEnum):
    """Whose key it is; a user's own goes before the organization's."""

    USER = "user"
    ORGANIZATION = "organization"


class KeyUse(Reply):
    """How often one service took a key on one day (UTC)."""

    service: str
    day: date
    uses: int
    last_at: datetime


class SuppliedKeyView(Reply):
    """An API key as its owner may see it: never the key."""

    key_id: str
    provider: str
    belongs_to: KeyOwner
    label: str
    ends_with: str
    """The last four characters; empty for a short key."""
    created_at: datetime
    retires_at: datetime | None = None
    """Replaced, and valid until then."""
    uses: tuple[KeyUse, ...] = ()


class SuppliedKeys(Reply):
    """The user's keys and the organization's."""

    keys: tuple[SuppliedKeyView, ...]


class SuppliedKeyRemoved(Reply):
    """It is forgotten; at the provider it lives on until its owner deletes it there."""

    key_id: str
    provider: str


class SuppliedKey(Reply):
    """A key, sealed for the transport with purpose `supplied_key`."""

    key_id: str
    belongs_to: KeyOwner
    sealed_key: str


class StoreSuppliedKey(Query[SuppliedKeyView]):
    """Keep an API key after its provider accepted it; the present one stays valid for `overlap_h` hours."""

    subject: ClassVar[str] = "rpc.oauth.store_supplied_key.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SuppliedKeyView

    provider: str
    belongs_to: KeyOwner
    label: str
    sealed_key: str
    overlap_h: int = 24

    @classmethod
    def example(cls) -> Self:
        return cls(provider="openai", belongs_to=KeyOwner.ORGANIZATION, label="production", sealed_key="mk1.c2VhbGVk")


class ListSuppliedKeys(Query[SuppliedKeys]):
    """Which API keys are kept, and who used them."""

    subject: ClassVar[str] = "rpc.oauth.list_supplied_keys.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SuppliedKeys

    @classmethod
    def example(cls) -> Self:
        return cls()


class RemoveSuppliedKey(Query[SuppliedKeyRemoved]):
    """Forget an API key at once."""

    subject: ClassVar[str] = "rpc.oauth.remove_supplied_key.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SuppliedKeyRemoved

    key_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(key_id="sk_0193b0f1a8c07d3e9f00112233445566")


class GetSuppliedKey(Query[SuppliedKey]):
    """A key for a service that calls the provider. `refused_key_ids` are those the provider has just refused: during a
    replacement the other one may still work."""

    subject: ClassVar[str] = "rpc.oauth.get_supplied_key.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.CONTEXT, Service.NOTIFICATION, Service.VOICE)
    reply: ClassVar[type[Reply]] = SuppliedKey

    provider: str
    refused_key_ids: tuple[str, ...] = ()

    @classmethod
    def example(cls) -> Self:
        return cls(provider="openai")


class ConnectionEstablished(Event):
    """A user connected (or reconnected) a provider."""

    subject: ClassVar[str] = "evt.oauth.connection.established.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.SYNC, Service.CONTEXT, Service.NOTIFICATION, Service.TOOL)

    connection_id: ConnectionId
    provider: str
    scopes: tuple[str, ...]
    capabilities: tuple[str, ...] = ()
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
