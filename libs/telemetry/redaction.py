"""Takes secrets and personal data out of whatever is about to be logged.

Two nets: values under names that hold such things are replaced whole; in every other text, what looks like a
credential, an e-mail address or a phone number is. Better a log line too poor than one too rich.
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
MAX_TEXT = 2_000
MAX_DEPTH = 5

_SECRET_NAMES = frozenset(
    {
        "answer", "arguments", "attendees", "authorization", "body", "code", "content", "cookie", "credentials",
        "display_name", "email", "key", "keys", "master_keys", "passwd", "password", "phone", "prompt", "secret",
        "secrets", "set_cookie", "snippet", "telephone", "text", "title", "token", "verifier",
    }
)  # fmt: skip
_SECRET_ENDS = ("_token", "_secret", "_password", "_key", "_keys", "_email", "_phone", "_verifier", "_cookie", "_text")
_HARMLESS_NAMES = frozenset({"trace_id", "span_id", "idempotency_key"})

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 " + REDACTED),
    (re.compile(r"\bya29\.[A-Za-z0-9._-]+"), REDACTED),  # Google access token
    (re.compile(r"\b1//[A-Za-z0-9._-]{20,}"), REDACTED),  # Google refresh token
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"), REDACTED),  # JWT
    (re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|xox[a-z]|adj)[-_][A-Za-z0-9_-]{12,}"), REDACTED),
    (re.compile(r"(://[^\s:/@]*):[^\s@]+@"), r"\1:" + REDACTED + "@"),  # password inside an address
    (re.compile(r"(?i)\b((?:access_|refresh_|id_)?token|code|secret|password|api_?key)=[^\s&\"']+"), r"\1=" + REDACTED),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"), "[e-mail]"),
    (re.compile(r"(?<![\w.+-])\+\d[\d ().-]{6,}\d"), "[phone]"),
    (re.compile(r"(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"), "[phone]"),
    # Long base64: mixed case and digits, so that hexadecimal ids and paths stay readable.
    (
        re.compile(
            r"(?<![A-Za-z0-9+/_-])(?=[A-Za-z+/_-]*\d)(?=[a-z0-9+/_-]*[A-Z])(?=[A-Z0-9+/_-]*[a-z])"
            r"[A-Za-z0-9+/_-]{32,}={0,2}"
        ),
        REDACTED,
    ),
)


def redact_text(text: str) -> str:
    """The text without what looks like a credential, an e-mail address or a phone number; cut when long."""
    shown = text[: MAX_TEXT + 500]
    for pattern, replacement in _PATTERNS:
        shown = pattern.sub(replacement, shown)
    return shown if len(text) <= MAX_TEXT else f"{shown[:MAX_TEXT]}… ({len(text)} characters)"


def redact(name: str, value: Any, depth: int = 0) -> Any:
    """The value as it may be logged under that name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if _is_secret(name):
        return REDACTED
    if name in _HARMLESS_NAMES and isinstance(value, str):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if depth >= MAX_DEPTH:
        return "[…]"
    if isinstance(value, Mapping):
        return {str(key): redact(str(key), inner, depth + 1) for key, inner in list(value.items())[:50]}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(name, inner, depth + 1) for inner in list(value)[:50]]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return redact_text(str(value))


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("-", "_")
    return plain not in _HARMLESS_NAMES and (plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDS))
