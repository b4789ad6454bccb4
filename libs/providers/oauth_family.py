"""How a vendor's OAuth 2.0 differs from the next one's: the vocabulary in which the registry describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RefreshFamily(StrEnum):
    """What happens to a refresh token when it is used."""

    STATIC = "static"
    """It stays; an answer without a new one means: keep the old one."""
    ROTATES = "rotates"
    """Each answer brings a new one, and the old one dies: the new one is stored before the access token is used."""
    RENEWED = "renewed"
    """Each answer brings a new one, and the old one lives on."""
    NONE = "none"
    """There is none: the access token lives until it is revoked."""


class ClientAuth(StrEnum):
    """How we tell the token endpoint who we are."""

    FORM = "form"
    """Client id and secret beside the other fields of a form."""
    BASIC = "basic"
    """HTTP Basic; the fields are a form."""
    BASIC_JSON = "basic_json"
    """HTTP Basic; the fields are JSON."""


class Revocation(StrEnum):
    """How a token is made worthless at the provider."""

    FORM = "form"
    """RFC 7009: POST `token=…`, authenticated as at the token endpoint."""
    JSON = "json"
    """The same as JSON."""
    DELETE = "delete"
    """GitHub: DELETE with Basic and `{"access_token": …}`."""
    BEARER = "bearer"
    """Slack: POST with the token itself as bearer."""
    NONE = "none"
    """The provider has nothing of the kind; its user can withdraw the consent in the account's own pages."""


@dataclass(frozen=True, slots=True)
class Family:
    """A vendor: the set of addresses and the client log-in that its products share.

    `account` and `account_refs` are dotted paths into what is known after the log-in: `claims.…` of a verified
    identity token, `token.…` of the token endpoint's answer, `identity.…` of the answer at `identity_url`. Of the
    account the first path that leads somewhere counts; of the references all.
    """

    name: str
    authorize_url: str
    token_url: str
    account: tuple[str, ...]
    account_refs: tuple[str, ...]
    revoke_url: str = ""
    """May contain `{client_id}`."""
    jwks_url: str = ""
    issuer: str = ""
    """With it an identity token is required, and verified against `jwks_url`."""
    identity_url: str = ""
    """Asked with the fresh access token where there is no identity token."""
    refresh: RefreshFamily = RefreshFamily.STATIC
    client_auth: ClientAuth = ClientAuth.FORM
    revocation: Revocation = Revocation.FORM
    uses_pkce: bool = True
    scope_separator: str = " "
    scope_parameter: str = "scope"
    token_path: str = ""
    """Where in the answer the user's token lies, when not at its top."""
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request to these endpoints."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One product of a family, with the least permissions that reading and acting need."""

    name: str
    label: str
    family: Family
    scopes: tuple[str, ...]
