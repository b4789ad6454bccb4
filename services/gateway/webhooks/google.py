"""Google: Calendar's channels carry a token of ours; Gmail's Pub/Sub pushes carry a signed identity of Google's."""

import base64
import binascii

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from libs.providers.account_ref import account_ref
from services.gateway.errors import WebhookMalformed, WebhookRefused
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import Notice, Notices, Verified, Webhook, required, text_at

MAX_ADDRESS = 320
"""RFC 5321: 64 before the @, 255 after it."""
MAX_DATA = 4000
ISSUERS = ["https://accounts.google.com", "accounts.google.com"]


def verify_calendar(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """A channel of `events.watch`: its id is our watch, its token the secret made from it. There is no body."""
    watch_id = webhook.headers.get("x-goog-channel-id", "")
    if not secrets.hooks.is_genuine("calendar", watch_id, webhook.headers.get("x-goog-channel-token", "")):
        raise WebhookRefused("The channel's token is not ours.")
    number = webhook.headers.get("x-goog-message-number", "")[:20]
    if webhook.headers.get("x-goog-resource-state") == "sync":
        return Notices((), f"{watch_id}:{number}")  # the channel says hello
    return Notices((Notice(watch_id=watch_id),), f"{watch_id}:{number}")


def verify_gmail(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """A push of the operator's Pub/Sub subscription, with an OpenID Connect token of its service account."""
    audience = required(secrets.gmail_audience, "ADJUTANT_GATEWAY_GMAIL_AUDIENCE").decode()
    account = required(secrets.gmail_service_account, "ADJUTANT_GATEWAY_GMAIL_SERVICE_ACCOUNT").decode()
    scheme, _, token = webhook.headers.get("authorization", "").partition(" ")
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "values": ISSUERS},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        email={"essential": True, "value": account},
        email_verified={"essential": True, "value": True},
    )
    try:
        if secrets.google_keys is None:
            raise ValueError("no keys")
        claims = jwt.decode(token, secrets.google_keys, algorithms=["RS256"]).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        # Header and claims are a stranger's JSON: a number where it expects a list makes the library raise TypeError.
        raise WebhookRefused("The push is not signed by Google for us.") from error
    if scheme.lower() != "bearer":
        raise WebhookRefused("The push is not signed by Google for us.")
    content = webhook.json()
    try:
        encoded = text_at(content, "message.data", longest=MAX_DATA) or ""
        data = msgspec.json.decode(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise WebhookMalformed("The message holds no data.") from error
    address = text_at(data, "emailAddress", longest=MAX_ADDRESS)
    if address is None:
        raise WebhookMalformed("The message names no mailbox.")
    notice = Notice(account_ref=account_ref("google", address), stream="mailbox")
    return Notices((notice,), text_at(content, "message.messageId"))
