"""How Microsoft Graph is spoken to by tools: ids that survive a move, text instead of HTML, times in UTC.

Source: Microsoft Graph's documentation, "Get immutable identifiers for Outlook resources", "Automatic reply and body
preferences" (`Prefer: outlook.body-content-type`, `outlook.timezone`).
"""

from typing import Any

import httpx

from libs.providers.answers import record, records
from libs.providers.rest import Pace, RestApi

DEFAULT_BASE_URL = "https://graph.microsoft.com/v1.0"
EXECUTION_PROPERTY = "String {6f1d3c52-8a4e-4b1b-9c57-2d0a7e41a9c3} Name AdjutantExecution"
"""Where an item carries the execution that made it; one name for all, because a mailbox has room for few."""
_PREFER = 'IdType="ImmutableId", outlook.body-content-type="text", outlook.timezone="UTC"'


def graph_api(provider: str, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> RestApi:
    """One client for a product and all users of a process; `provider` is the registry's name."""
    return RestApi("Microsoft", provider, base_url, http, headers={"prefer": _PREFER}, pace=pace)


def execution_property(execution_id: str) -> list[dict[str, str]]:
    """For `singleValueExtendedProperties` of a new or changed item."""
    return [{"id": EXECUTION_PROPERTY, "value": execution_id}]


def made_by(execution_id: str) -> str:
    """The `$filter` that finds it. `execution_id` consists of letters, digits and underscores.

    Source: "Get singleValueLegacyExtendedProperty", which shows this filter.
    """
    if not execution_id.replace("_", "").isalnum():
        raise ValueError("an execution id has letters, digits and underscores only")
    wanted = f"ep/id eq '{EXECUTION_PROPERTY}' and ep/value eq '{execution_id}'"
    return f"singleValueExtendedProperties/Any(ep: {wanted})"


def found_rows(content: object) -> list[dict[str, Any]]:
    """The rows of a list. Raises ProviderGarbled."""
    return records("Microsoft", record("Microsoft", content).get("value"))
