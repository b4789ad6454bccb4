"""Discord: Ed25519 over timestamp and body. Discord itself tries bad signatures, and wants 401 for them."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.sync import Hint
from libs.providers.account_ref import account_ref
from services.gateway.errors import WebhookRefused, WebhooksNotConfigured
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import (
    Handshake,
    Notice,
    Notices,
    Verified,
    Webhook,
    body_id,
    must_be_fresh,
    required,
    text_at,
)


def verify(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """Webhook events, and the ping of an interactions endpoint."""
    key = required(secrets.discord_public_key, "ADJUTANT_GATEWAY_DISCORD_PUBLIC_KEY")
    try:
        public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.decode()))
    except ValueError as error:
        raise WebhooksNotConfigured("ADJUTANT_GATEWAY_DISCORD_PUBLIC_KEY is not 32 bytes in hexadecimal.") from error
    timestamp = webhook.headers.get("x-signature-timestamp", "")
    try:
        signature = bytes.fromhex(webhook.headers.get("x-signature-ed25519", ""))
        public_key.verify(signature, timestamp.encode("utf-8", "replace") + webhook.body)
    except (InvalidSignature, ValueError) as error:
        raise WebhookRefused("The signature is not the provider's.") from error
    must_be_fresh(timestamp, webhook.received_at)
    content = webhook.json()
    if "event" not in content:
        # Webhook events ping with type 0 and want nothing back; interactions ping with type 1 and want the same.
        is_interaction = content.get("type") == 1 and "token" in content
        return Handshake(b'{"type":1}', "application/json") if is_interaction else Handshake(status=204)
    user = text_at(content, "event.data.user.id")
    ended = text_at(content, "event.type") == "APPLICATION_DEAUTHORIZED"
    hint = Hint.ACCESS_ENDED if ended else Hint.CHANGED
    notices = (Notice(hint, account_ref=account_ref("discord", user)),) if user else ()
    return Notices(notices, body_id(webhook, timestamp))
