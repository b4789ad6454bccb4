"""Notion: HMAC-SHA256 over the body with the token that Notion sent once, when the webhook was set up.

That first request cannot be signed: it brings the token. It is taken only while no token is configured, and means
nothing by itself: the operator reads it (docs/operations.md), pastes it at Notion and sets it here.
"""

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
    must_match,
    required,
    signed,
    text_at,
)


def verify(webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """The integration's webhook."""
    if not secrets.notion and set(webhook.json()) == {"verification_token"}:
        return Handshake(keep=True)
    secret = required(secrets.notion, "ADJUTANT_GATEWAY_NOTION_VERIFICATION_TOKEN")
    given = webhook.headers.get("x-notion-signature", "")
    must_match(given, f"sha256={signed(secret, webhook.body)}")
    content = webhook.json()
    workspace = text_at(content, "workspace_id")
    if workspace is None:
        raise WebhookMalformed("The event names no workspace.")
    kind = text_at(content, "type") or ""
    stream = "databases" if kind.startswith(("database.", "data_source.")) else "pages"
    notice = Notice(Hint.CHANGED, account_ref=account_ref("notion", workspace), stream=stream)
    return Notices((notice,), text_at(content, "id"))
