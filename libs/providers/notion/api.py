"""How Notion is spoken to: its version, and its ways to say "not now".

Source: Notion's documentation, "Versioning", "Status codes": 409 is a save that collided and may be tried again, 529 a
server that is overloaded.
"""

from datetime import UTC, datetime

import httpx

from libs.providers.errors import ProviderBusy, retry_after_s
from libs.providers.rest import Pace, RestApi
from libs.resilience.errors import AdjutantError

DEFAULT_BASE_URL = "https://api.notion.com"
VERSION = "2025-09-03"
MARKDOWN_VERSION = "2026-03-11"
"""What reading a page as Markdown asks for, by the vendor's description."""
_NOT_NOW = frozenset({409, 529})


def notion_api(http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> RestApi:
    """One client for all users of a process."""
    headers = {"notion-version": VERSION}
    return RestApi("Notion", "notion", base_url, http, headers=headers, refuse=_refusal, pace=pace)


def _refusal(label: str, response: httpx.Response) -> AdjutantError | None:
    if response.status_code not in _NOT_NOW:
        return None
    wait_s = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
    return ProviderBusy(f"{label} asks us to slow down.", retry_after_s=wait_s)
