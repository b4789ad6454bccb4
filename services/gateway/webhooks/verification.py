"""Which provider is verified how."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from services.gateway.webhooks import discord, github, google, graph, notion, slack, zoom
from services.gateway.webhooks.secrets import WebhookSecrets
from services.gateway.webhooks.webhook import Verified, Webhook

Verify = Callable[[Webhook, WebhookSecrets], Verified]
"""Raises WebhookRefused, WebhookMalformed, WebhooksNotConfigured."""

VERIFICATIONS: Mapping[str, Verify] = MappingProxyType(
    {
        "gmail": google.verify_gmail,
        "calendar": google.verify_calendar,
        **{name: partial(graph.verify, name) for name in ("outlook_mail", "outlook_calendar", "teams")},
        "github": github.verify,
        "slack": slack.verify,
        "notion": notion.verify,
        "discord": discord.verify,
        "zoom": zoom.verify,
    }
)
NEEDS_GOOGLES_KEYS = frozenset({"gmail"})
