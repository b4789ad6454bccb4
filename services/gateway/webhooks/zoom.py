"""Zoom: `v0=` HMAC-SHA256 over version, timestamp and body; its validation, signed too, asks for one of a token."""

import json

from contracts.sync import Hint
from libs.providers.account_ref import account_ref
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import (
    Handshake,
    Notice,
    Notices,
    Verified,
    Webhook,
    body_id,
    must_be_fresh,
    must_match,
    required,
    signed,
    text_at,
)


def verify(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """The event subscription of the operator's app."""
    secret = required(secrets.zoom, "ADJUTANT_GATEWAY_ZOOM_SECRET_TOKEN")
    timestamp = webhook.headers.get("x-zm-request-timestamp", "")
    must_match(
        webhook.headers.get("x-zm-signature", ""),
        f"v0={signed(secret, b'v0:' + timestamp.encode('utf-8', 'replace') + b':' + webhook.body)}",
    )
    must_be_fresh(timestamp, webhook.received_at)
    content = webhook.json()
    if content.get("event") == "endpoint.url_validation":
        token = text_at(content, "payload.plainToken") or ""
        answer = {"plainToken": token, "encryptedToken": signed(secret, token.encode())}
        return Handshake(json.dumps(answer).encode(), "application/json")
    hint = Hint.ACCESS_ENDED if content.get("event") == "app_deauthorized" else Hint.CHANGED
    # The host's own id is the narrower one; the account's concerns everybody in it.
    id = text_at(content, "payload.object.host_id") or text_at(content, "payload.user_id")
    id = id or text_at(content, "payload.account_id")
    notices = (Notice(hint, account_ref=account_ref("zoom", id), stream="meetings"),) if id else ()
    return Notices(notices, body_id(webhook, timestamp))
