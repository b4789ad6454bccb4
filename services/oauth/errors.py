"""What can go wrong with a connection.

AdjutantError
├── NotFound
│   ├── UnknownProvider
│   └── NoSuchKey
├── InvalidInput
│   ├── StateRefused             unknown, used, expired, of another browser or provider
│   ├── AuthorizationDeclined    the user or the provider said no
│   ├── PermissionsMissing       the user unticked what reading needs
│   ├── UnknownCapability        the provider has no such thing
│   ├── KeyRefused               the provider does not know the API key
│   └── CodeRefused              the provider does not take the code
├── Conflict
│   ├── NotConnected
│   └── ReauthorizationNeeded    only the user can mend it
├── Unavailable
│   └── ProviderNotConfigured
└── Internal
    └── IdentityRefused          the provider's identity token does not hold
"""

from libs.resilience.errors import Conflict, Internal, InvalidInput, NotFound, Unavailable


class UnknownProvider(NotFound):
    """No such entry in the registry."""

    slug = "unknown_provider"
    advice = "GET /api/integrations/connect lists the providers."


class StateRefused(InvalidInput):
    """The state is not one we wait for; the reasons look alike on purpose."""

    slug = "state_refused"
    advice = "Begin to connect again, in the browser you want to use."


class AuthorizationDeclined(InvalidInput):
    """The log-in page was left without consent."""

    slug = "authorization_declined"
    advice = "Connect again and allow the access."


class NoSuchKey(NotFound):
    """No API key of this id, or somebody else's."""

    slug = "unknown_supplied_key"
    advice = "GET /api/integrations/keys lists your keys."


class KeyRefused(InvalidInput):
    """The provider does not accept the API key."""

    slug = "supplied_key_refused"
    advice = "Copy the key again from the provider's console; check that it is active."


class PermissionsMissing(InvalidInput):
    """Consent was given to less than a connection needs."""

    slug = "permissions_missing"
    advice = "Connect again and leave every permission ticked."


class UnknownCapability(InvalidInput):
    """Not something this provider can be asked for."""

    slug = "unknown_capability"
    advice = "GET /api/integrations/connect lists the capabilities of each provider."


class CodeRefused(InvalidInput):
    """The provider refused the authorization code."""

    slug = "code_refused"
    advice = "Begin to connect again."


class NotConnected(Conflict):
    """There is no connection to use."""

    slug = "not_connected"
    advice = "Connect the provider under Integrations."


class ReauthorizationNeeded(Conflict):
    """The provider refuses our refresh token for good."""

    slug = "reauthorization_required"
    advice = "Connect the provider again under Integrations."


class ProviderNotConfigured(Unavailable):
    """The operator has not registered a client with this provider."""

    slug = "provider_not_configured"
    retryable = False
    advice = "Ask your operator to set the client id and secret of this provider."


class IdentityRefused(Internal):
    """The identity token's signature or claims are wrong: somebody may be in between."""

    slug = "identity_refused"
    status = 502
    advice = "Try again; if it stays, tell your operator."
