"""GitHub: HMAC-SHA256 over the body, no timestamp; X-GitHub-Delivery is the same when GitHub delivers again."""

from contracts.sync import Hint
from libs.providers.account_ref import account_ref
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import (
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
    """A repository hook of ours (`?watch=…`), or the operator's app."""
    watch_id = webhook.query.get("watch")
    if watch_id is not None:
        expected = [secret.encode() for secret in secrets.hooks.candidates("github", watch_id)]
    else:
        expected = [required(secrets.github, "ADJUTANT_GATEWAY_GITHUB_WEBHOOK_SECRET")]
    given = webhook.headers.get("x-hub-signature-256", "")
    must_match(given, *(f"sha256={signed(secret, webhook.body)}" for secret in expected))
    event = webhook.headers.get("x-github-event", "")
    delivery_id = webhook.headers.get("x-github-delivery")
    if event == "ping":
        return Notices((), delivery_id)
    content = webhook.json()
    name = text_at(content, "repository.full_name")
    stream = f"repository:{name}" if name else None
    if watch_id is not None:
        return Notices((Notice(watch_id=watch_id, stream=stream),), delivery_id)
    ended = event == "github_app_authorization" or (event == "installation" and content.get("action") == "deleted")
    hint = Hint.ACCESS_ENDED if ended else Hint.CHANGED
    paths = ("installation.account.id", "repository.owner.id", "sender.id")
    ids = dict.fromkeys(found for path in paths if (found := text_at(content, path)))
    notices = tuple(Notice(hint, account_ref=account_ref("github", id), stream=stream) for id in ids)
    return Notices(notices, delivery_id)
