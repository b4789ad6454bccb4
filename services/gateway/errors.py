"""What the gateway itself refuses.

InvalidInput      ├── MalformedJson, UnsupportedMediaType, MethodNotAllowed, MalformedEventId,
                  │   MalformedReturnPath, WebhookMalformed, NotSaidWhatToForget
Unauthenticated   ├── InvalidCredentials, WebhookRefused
Unavailable       ├── WebhooksNotConfigured, ClientGone
Forbidden         ├── CsrfRejected, ScopeMissing, AddressNotAllowed, OriginRejected
NotFound          ├── RouteNotFound, ConversationNotFound, TurnNotFound, KeyNotFound, ProviderNotFound, ModelNotFound,
                  │   MemoryNotFound
Conflict          ├── EmailTaken, IdempotencyKeyReused
TooLarge          └── BodyTooLarge
"""

from libs.resilience.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)


class MalformedJson(InvalidInput):
    """Not JSON as RFC 8259 has it: bad syntax, NaN, a key twice, not UTF-8, nested too deep."""

    slug = "malformed_json"
    status = 400
    advice = "Send one JSON value in UTF-8, without NaN or repeated keys."


class UnsupportedMediaType(InvalidInput):
    """A body that is not declared as JSON."""

    slug = "unsupported_media_type"
    status = 415
    advice = "Send the body with Content-Type: application/json."


class MethodNotAllowed(InvalidInput):
    """The path exists, the method does not."""

    slug = "method_not_allowed"
    status = 405
    advice = "Use one of the methods in the Allow header."


class MalformedReturnPath(InvalidInput):
    """A return address that leaves this site."""

    slug = "malformed_return_path"
    advice = "Send a path of this site, such as /integrations."


class MalformedEventId(InvalidInput):
    """A Last-Event-ID that is not ours."""

    slug = "malformed_event_id"
    advice = "Send the id of the last event you received, or leave the header out."


class InvalidCredentials(Unauthenticated):
    """Unknown address or wrong password; the two look alike on purpose."""

    slug = "invalid_credentials"
    advice = "Check the e-mail address and the password."


class CsrfRejected(Forbidden):
    """A state-changing request by cookie without the token that only our own page can read."""

    slug = "csrf_rejected"
    advice = "Send the value of the cookie adjutant_csrf in the header X-CSRF-Token."


class OriginRejected(Forbidden):
    """A WebSocket opened by cookie from a page of somebody else."""

    slug = "origin_rejected"
    advice = "Open the connection from the application's own page, or use an API key."


class ScopeMissing(Forbidden):
    """The API key was not given this permission."""

    slug = "scope_missing"
    advice = "Create an API key with the needed scope."


class AddressNotAllowed(Forbidden):
    """The API key may not be used from this address."""

    slug = "address_not_allowed"
    advice = "Call from an address in the key's allow-list, or change the list."


class RouteNotFound(NotFound):
    """No such path."""

    slug = "not_found"
    advice = "Check the path; GET /openapi.json lists them."


class ConversationNotFound(NotFound):
    """No conversation of this user has the id."""

    slug = "conversation_not_found"


class TurnNotFound(NotFound):
    """No turn of this user has the id."""

    slug = "turn_not_found"


class KeyNotFound(NotFound):
    """No API key of this user has the id."""

    slug = "key_not_found"


class ProviderNotFound(NotFound):
    """No provider of this name."""

    slug = "provider_not_found"
    advice = "GET /api/integrations/connect lists the providers."


class EmailTaken(Conflict):
    """Somebody signed up with this address."""

    slug = "email_taken"
    advice = "Log in, or use another address."


class IdempotencyKeyReused(Conflict):
    """The key was used before, for a different request."""

    slug = "idempotency_key_reused"
    advice = "Use a fresh Idempotency-Key for a new request."


class WebhookRefused(Unauthenticated):
    """Not a genuine notification: unsigned, wrongly signed, or replayed."""

    slug = "webhook_refused"
    advice = "Sign the raw body with the secret that is configured here, at the time of sending."


class WebhookMalformed(InvalidInput):
    """Genuine, and yet not readable."""

    slug = "webhook_malformed"
    status = 400


class WebhooksNotConfigured(Unavailable):
    """The secret is missing with which this provider's notifications are verified."""

    slug = "webhooks_not_configured"
    advice = "Ask your operator to set the secret; until then nothing is accepted."


class BodyTooLarge(TooLarge):
    """The request body is over the limit."""

    slug = "body_too_large"


class ModelNotFound(NotFound):
    """Nothing of this name can be asked."""

    slug = "model_not_found"
    advice = "GET /v1/models lists what can be asked for."


class ClientGone(Unavailable):
    """Nobody reads this: the client closed its connection while it waited."""

    slug = "client_gone"


class NotSaidWhatToForget(InvalidInput):
    """Nothing is forgotten by accident: what is meant has to be said, and in one way."""

    slug = "nothing_to_forget"
    advice = "Give keys=… or ids=… of what is to be forgotten, or all=true alone for everything."


class MemoryNotFound(NotFound):
    """There is no such entry, or it is somebody else's."""

    slug = "memory_not_found"
    advice = "List the entries of your memory."
