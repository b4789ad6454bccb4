"""Requests held against the vendor's own API description (`shared/openapi` beside the repository).

Skips with a reason where the descriptions are not at hand: the project stands alone without them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from tests.service.providers.vendor_server import Asked

DESCRIPTIONS = Path(__file__).parents[4] / "shared" / "openapi"


def conforms(name: str, paths: tuple[str, ...], prefix: str) -> Callable[[Asked], None]:
    """A check that fails for a request the description does not allow; `paths` are all that is read of it."""
    file = DESCRIPTIONS / name
    if not file.exists():
        pytest.skip(f"the vendor's description {name} is not at hand")
    whole: dict[str, Any] = json.loads(file.read_text())
    # Who may call is not what these tests are about, and bearers are checked by the server itself.
    subset = {path: _open(whole["paths"][path]) for path in paths}
    api = OpenAPI.from_dict({**whole, "paths": subset, "servers": [{"url": f"http://vendor{prefix}"}]})

    def check(asked: Asked) -> None:
        request = MockRequest(
            "http://vendor",
            asked.method.lower(),
            asked.path if asked.path.startswith(prefix) else prefix + asked.path,
            args=asked.query,
            headers=asked.headers,
            data=json.dumps(asked.body).encode() if asked.body is not None else b"",
            content_type=asked.headers.get("content-type", "application/json"),
        )
        api.validate_request(request)

    return check


def _open(item: dict[str, Any]) -> dict[str, Any]:
    return {
        method: {**operation, "security": []} if isinstance(operation, dict) else operation
        for method, operation in item.items()
    }
