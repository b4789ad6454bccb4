"""Slack: `v0=` HMAC-SHA256 over version, timestamp and body; the handshake is signed like everything else."""

from contracts.sync import Hint
from libs.providers.account_ref import account_ref
from services.gateway.errors import WebhookMalformed
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import (
    Handshake,
    Notice,
    Notices,
    Verified,
    Webhook,
    must_be_fresh,
    must_match,
    required,
    signed,
    text_at,
)

_ENDED = frozenset({"tokens_revoked", "app_uninstalled"})


def verify(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """The Events API."""
    secret = required(secrets.slack, "ADJUTANT_GATEWAY_SLACK_SIGNING_SECRET")
    timestamp = webhook.headers.get("x-slack-request-timestamp", "")
    must_match(
        webhook.headers.get("x-slack-signature", ""),
        f"v0={signed(secret, b'v0:' + timestamp.encode('utf-8', 'replace') + b':' + webhook.body)}",
    )
    must_be_fresh(timestamp, webhook.received_at)
    content = webhook.json()
    if content.get("type") == "url_verification":
        return Handshake((text_at(content, "challenge") or "").encode())
    team = text_at(content, "team_id")
    if team is None:
        raise WebhookMalformed("The event names no workspace.")
    hint = Hint.ACCESS_ENDED if text_at(content, "event.type") in _ENDED else Hint.CHANGED
    channel = text_at(content, "event.channel") or text_at(content, "event.item.channel")
    notice = Notice(hint, account_ref=account_ref("slack", team), stream=f"channel:{channel}" if channel else None)
    return Notices((notice,), text_at(content, "event_id"))
