"""What arrives, and what its verification can come to."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contracts.sync import Hint
from services.gateway.errors import WebhookMalformed, WebhookRefused, WebhooksNotConfigured

WINDOW = timedelta(minutes=5)
"""How old, or how far ahead, a signed timestamp may be."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request as it came. Header names are in lower case; the body has been read by nobody."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; only after it was verified. Raises WebhookMalformed."""
        try:
            content = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise WebhookMalformed("The body is not JSON.") from error
        if not isinstance(content, dict):
            raise WebhookMalformed("The body is not a JSON object.")
        return content


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom a notification concerns (a watch of ours, or an account), and where to look."""

    hint: Hint = Hint.CHANGED
    watch_id: str | None = None
    account_ref: str | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True)
class Notices:
    """Genuine. `delivery_id` makes a repetition recognisable; None where the provider gives nothing of the kind, and a
    repetition is harmless."""

    notices: tuple[Notice, ...]
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Handshake:
    """The provider tests whether we are there, and wants this answer."""

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200
    keep: bool = False
    """The operator has to read what came."""


Verified = Notices | Handshake


def required(secret: str, what: str) -> bytes:
    """The secret. Raises WebhooksNotConfigured: without one nothing can be genuine."""
    if not secret:
        raise WebhooksNotConfigured(f"{what} is not set, so these notifications cannot be verified.")
    return secret.encode()


def signed(secret: bytes, text: bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def must_match(given: str, *expected: str) -> None:
    """One of the expected values, compared in constant time. Raises WebhookRefused."""
    presented = given.encode("utf-8", "replace")
    if not any([hmac.compare_digest(presented, right.encode()) for right in expected]):
        raise WebhookRefused("The signature is not the provider's.")


def must_be_fresh(timestamp: str, now: datetime) -> None:
    """A signed timestamp in Unix seconds. Raises WebhookRefused for a replay, or for nonsense."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 11:
        raise WebhookRefused("The timestamp is missing or not a number.")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > WINDOW:
        raise WebhookRefused("The notification is too old.")


def body_id(webhook: Webhook, *more: str) -> str:
    """A name for exactly this body at this moment, where the provider gives none."""
    return hashlib.sha256("|".join(more).encode() + webhook.body).hexdigest()


def text_at(content: Any, path: str, longest: int = 200) -> str | None:
    """The text or number at a dotted path, cut at `longest` characters; None when there is none."""
    for step in path.split("."):
        content = content.get(step) if isinstance(content, dict) else None
    return str(content)[:longest] if isinstance(content, str | int) and not isinstance(content, bool) else None
