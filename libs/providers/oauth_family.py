"""How a vendor's OAuth 2.0 differs from the next one's: the vocabulary in which the registry describes them."""

from collections.abc import Iterable, Mapping
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
    login_scopes: tuple[str, ...] = ()
    """Asked for with every product: who it is, and that we may come back without the user."""
    shares_grant: bool = False
    """Whether revoking the token of one product ends those of the same account's other products."""
    scope_separator: str = " "
    scope_parameter: str = "scope"
    token_path: str = ""
    """Where in the answer the user's token lies, when not at its top."""
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request to these endpoints."""


READ = "read"
"""The capability that every connection has; without it there is nothing to connect for."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One product of a family. `scopes` is the least that reading needs, `more` what other capabilities need, asked for
    when the user wants them."""

    name: str
    label: str
    family: Family
    scopes: tuple[str, ...]
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """All that may be asked for."""
        return (READ, *self.more)

    def scopes_for(self, capabilities: Iterable[str]) -> tuple[str, ...]:
        """What to ask for. Raises KeyError for a capability that is not this provider's."""
        wanted = [self.more[name] for name in capabilities if name != READ]
        scopes = (*self.family.login_scopes, *self.scopes, *(scope for each in wanted for scope in each))
        return tuple(dict.fromkeys(scopes))

    def granted(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """The capabilities that these scopes give. Users may untick some of what was asked for, so this is not what
        was asked. Vendors write the same scope with and without its address: only its last part counts."""
        given = {_bare(scope) for scope in scopes}
        needs = {READ: self.scopes, **self.more}
        return tuple(name for name, scopes in needs.items() if all(_bare(scope) in given for scope in scopes))


def _bare(scope: str) -> str:
    return scope.rstrip("/").rpartition("/")[2].lower()
