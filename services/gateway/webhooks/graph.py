"""Microsoft Graph: nothing is signed; each notification carries the `clientState` that we gave when we subscribed.

It is `<watch id>.<secret made from it>`, so that it alone says which subscription spoke: one request may bring
notifications of several.
"""

from contracts.sync import Hint
from services.gateway.errors import WebhookMalformed, WebhookRefused
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import Handshake, Notice, Notices, Verified, Webhook, text_at

_ENDED = frozenset({"reauthorizationRequired", "subscriptionRemoved"})
MAX_NOTIFICATIONS = 1000


def verify(provider: str, webhook: Webhook, secrets: WebhookSecrets) -> Verified:
    """Change and lifecycle notifications of mail, calendar and Teams alike."""
    if (token := webhook.query.get("validationToken")) is not None:
        return Handshake(token[:2000].encode())
    entries = webhook.json().get("value")
    if not isinstance(entries, list) or len(entries) > MAX_NOTIFICATIONS:
        raise WebhookMalformed("The body holds no list of notifications.")
    notices = [notice for entry in entries if (notice := _genuine(provider, entry, secrets)) is not None]
    if not notices:
        raise WebhookRefused("No notification carries a client state of ours.")
    return Notices(tuple(dict.fromkeys(notices)), None)


def _genuine(provider: str, entry: object, secrets: WebhookSecrets) -> Notice | None:
    watch_id, _, secret = (text_at(entry, "clientState") or "").partition(".")
    if not secrets.hooks.is_genuine(provider, watch_id, secret):
        return None
    ended = text_at(entry, "lifecycleEvent") in _ENDED
    return Notice(Hint.WATCH_ENDED if ended else Hint.CHANGED, watch_id=watch_id)
