"""MCP as it stands on the wire."""

import json
from typing import Any

import httpx

from tests.service.gateway.conftest import Person, Replica

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
BOTH = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def call(tool: str, arguments: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    return message("tools/call", name=tool, arguments=arguments or {}, _meta=meta)


async def post(at: Replica, person: Person, body: Any, **headers: str) -> httpx.Response:
    async with at.client() as client:
        return await client.post("/mcp", content=json.dumps(body), headers={**JSON, **person.bearer, **headers})


async def result(at: Replica, person: Person, body: Any) -> dict[str, Any]:
    """The result of a request that is answered with one."""
    answer = await post(at, person, body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["id"] == 7
    assert "result" in told, told
    found: dict[str, Any] = told["result"]
    return found
